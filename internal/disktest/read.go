package disktest

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Read reads what a [Recording] has written. Of files only those count whose base name contains name. The folders must
// still be there.
func Read(recording io.Reader, name string) ([]Event, error) {
	t := &trace{
		name: name, open: map[int]*descriptor{1: {file: 1, says: true}}, files: map[string]int{}, parts: map[string]string{}, last: 1,
	}
	lines := bufio.NewScanner(recording)
	lines.Buffer(nil, 1<<28)
	for lines.Scan() {
		if err := t.line(lines.Text()); err != nil {
			return nil, fmt.Errorf("trace: %w: %.200s", err, lines.Text())
		}
	}
	return t.events, lines.Err()
}

// trace reads the lines of strace -f -xx.
type trace struct {
	name   string
	open   map[int]*descriptor
	files  map[string]int // by path
	last   int            // file or output
	parts  map[string]string
	events []Event
}

// descriptor is an open file, folder, output or connection.
type descriptor struct {
	file         int
	says, folder bool
	offset       int64 // of what is written one after another
}

var errSyntax = errors.New("not understood")

// line takes one line such as
//
//	123 pwrite64(5, "\x00\x01", 2, 4096) = 2
//
// Lines are long: no regular expressions.
func (t *trace) line(line string) error {
	pid, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimLeft(rest, " ")
	if begun, ok := strings.CutSuffix(rest, " <unfinished ...>"); ok {
		t.parts[pid] = begun
		return nil
	}
	if strings.HasPrefix(rest, "<... ") {
		_, end, ok := strings.Cut(rest, " resumed>")
		if !ok {
			return errSyntax
		}
		rest = t.parts[pid] + strings.TrimLeft(end, " ")
	}
	if strings.HasPrefix(rest, "+++") || strings.HasPrefix(rest, "---") || strings.HasSuffix(rest, "= ?") {
		return nil
	}
	name, rest, ok := strings.Cut(rest, "(")
	end := strings.LastIndex(rest, ")")
	if end >= 0 {
		if note := strings.LastIndex(rest, " ("); note >= 0 && note < end && strings.Contains(rest[:note], ") ") {
			end = strings.LastIndex(rest[:note], ")") // = -1 ENOENT (No such file or directory)
		}
	}
	if !ok || end < 0 {
		return errSyntax
	}
	result, _, _ := strings.Cut(strings.TrimLeft(rest[end+1:], " ="), " ")
	n, err := strconv.Atoi(result)
	if err != nil || n < 0 {
		return err
	}
	return t.call(name, strings.Split(rest[:end], ", "), n)
}

func (t *trace) call(name string, args []string, result int) error {
	switch {
	case name == "openat":
		return t.opened(args, result)
	case name == "accept4":
		t.last++
		t.open[result] = &descriptor{file: t.last, says: true}
		return nil
	case strings.HasPrefix(name, "link") || strings.HasPrefix(name, "rename"):
		return t.linked(args)
	}
	fd := int(number(args[0]))
	d := t.open[fd]
	switch {
	case d == nil:
		return nil
	case name == "close":
		delete(t.open, fd)
		return nil
	case d.folder:
		if name == "fsync" {
			t.events = append(t.events, Event{Kind: SyncFolder})
		}
		return nil
	}
	return t.used(d, name, args, result)
}

// used is a call with an open file or output.
func (t *trace) used(d *descriptor, name string, args []string, result int) error {
	e := Event{File: d.file}
	var err error
	switch name {
	case "write", "writev":
		if d.says {
			e.Kind = Say
		} else if name == "writev" {
			return errors.New("the file is written by a call that is not recorded")
		}
		if name == "write" {
			e.Data, err = hexString(args[1])
		} else {
			e.Data, err = vector(args[1:])
		}
		e.Data = e.Data[:min(result, len(e.Data))]
		e.Offset = d.offset
		d.offset += int64(result)
	case "pwrite64":
		e.Offset = number(args[3])
		if e.Data, err = hexString(args[1]); err == nil && len(e.Data) != result {
			err = fmt.Errorf("%d of %d bytes written", result, len(e.Data))
		}
	case "ftruncate":
		e.Kind, e.Offset = Truncate, number(args[1])
	case "fdatasync", "fsync":
		e.Kind = Sync
	default:
		return errors.New("the file is written by a call that is not recorded")
	}
	t.events = append(t.events, e)
	return err
}

// opened notes what a descriptor stands for.
func (t *trace) opened(args []string, fd int) error {
	name, err := hexString(args[1])
	if err != nil {
		return err
	}
	path := string(name)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		t.open[fd] = &descriptor{folder: true}
		return nil
	}
	delete(t.open, fd)
	if !strings.Contains(filepath.Base(path), t.name) {
		return nil
	}
	file, known := t.files[path]
	if !known {
		t.last++
		file = t.last
		t.files[path] = file
	}
	t.open[fd] = &descriptor{file: file}
	return nil
}

func (t *trace) linked(args []string) error {
	var paths []string
	for _, a := range args {
		if strings.HasPrefix(a, `"`) {
			name, err := hexString(a)
			if err != nil {
				return err
			}
			paths = append(paths, string(name))
		}
	}
	if len(paths) != 2 {
		return fmt.Errorf("a link with %d paths", len(paths))
	}
	file, known := t.files[paths[0]]
	if !known {
		return nil
	}
	t.files[paths[1]] = file
	t.events = append(t.events, Event{Kind: Link, File: file, Path: paths[1]})
	return nil
}

func number(arg string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(arg), 0, 64)
	if err != nil {
		return -1
	}
	return n
}

func hexString(arg string) ([]byte, error) {
	digits, ok := strings.CutPrefix(arg, `"`)
	digits, whole := strings.CutSuffix(digits, `"`)
	if !ok || !whole {
		return nil, fmt.Errorf("not a whole string: %.80s", arg)
	}
	return hex.DecodeString(strings.ReplaceAll(digits, `\x`, ""))
}

// vector joins the parts of a writev: [{iov_base="\x00", iov_len=1}, {iov_base= ...
func vector(args []string) ([]byte, error) {
	var all []byte
	for _, a := range args {
		_, text, ok := strings.Cut(a, "iov_base=")
		if !ok {
			continue
		}
		part, err := hexString(text)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}
