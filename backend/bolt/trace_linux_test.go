package bolt

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// needStrace finds strace. Only continuous integration insists on it.
func needStrace(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err == nil {
		err = exec.Command(path, "-o", os.DevNull, "-e", "trace=fdatasync", "true").Run()
	}
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("this test needs a working strace: %v", err)
	}
	t.Skipf("this test needs a working strace: %v", err)
	return ""
}

// event is one system call that matters for what is on the disk.
type event struct {
	kind   string // write, truncate, sync, link, syncfolder, say
	inode  int    // of write, truncate, sync, link
	offset int64
	data   []byte // of write and say
	size   int64  // of truncate
	path   string // of link
}

const traced = "trace=openat,close,pwrite64,write,pwritev,writev,fdatasync,fsync,ftruncate,fallocate," +
	"linkat,?link,renameat,?rename,?renameat2"

// record runs a task under strace and returns what it did, in order.
func record(t *testing.T, env []string) []event {
	t.Helper()
	out := filepath.Join(t.TempDir(), "trace")
	cmd := command(t, env, needStrace(t), "-f", "-xx", "-s", "4000000", "-e", traced, "-e", "signal=none", "-o", out)
	if err := cmd.Run(); err != nil {
		t.Fatalf("the traced task: %v", err)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := &traceParser{fds: map[int]int{1: -1}, inodes: map[string]int{}, folders: map[int]bool{}, offsets: map[int]int64{}, parts: map[string]string{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<28)
	for lines.Scan() {
		if err := p.line(lines.Text()); err != nil {
			t.Fatalf("trace: %v: %.200s", err, lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return p.events
}

// traceParser reads the lines of strace -f -xx.
type traceParser struct {
	fds     map[int]int   // inode by descriptor; -1 is standard output
	offsets map[int]int64 // by descriptor, of what is written one after another
	folders map[int]bool
	inodes  map[string]int // by path
	parts   map[string]string
	events  []event
}

// line takes one line such as
//
//	123 pwrite64(5, "\x00\x01", 2, 4096) = 2
//
// Lines are long: no regular expressions.
func (p *traceParser) line(line string) error {
	pid, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimLeft(rest, " ")
	if begun, ok := strings.CutSuffix(rest, " <unfinished ...>"); ok {
		p.parts[pid] = begun
		return nil
	}
	if strings.HasPrefix(rest, "<... ") {
		_, end, ok := strings.Cut(rest, " resumed>")
		if !ok {
			return fmt.Errorf("not understood")
		}
		rest = p.parts[pid] + strings.TrimLeft(end, " ")
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
		return fmt.Errorf("not understood")
	}
	result, _, _ := strings.Cut(strings.TrimLeft(rest[end+1:], " ="), " ")
	n, err := strconv.Atoi(result)
	if err != nil || n < 0 {
		return err
	}
	return p.call(name, strings.Split(rest[:end], ", "), n)
}

func (p *traceParser) call(name string, args []string, result int) error {
	number := func(i int) int64 {
		n, err := strconv.ParseInt(strings.TrimSpace(args[i]), 0, 64)
		if err != nil {
			return -1
		}
		return n
	}
	if name == "openat" {
		return p.opened(args, result)
	}
	if strings.HasPrefix(name, "link") || strings.HasPrefix(name, "rename") {
		return p.linked(args)
	}
	fd := int(number(0))
	inode, known := p.fds[fd]
	switch {
	case name == "close":
		delete(p.fds, fd)
		delete(p.folders, fd)
		delete(p.offsets, fd)
	case p.folders[fd] && name == "fsync":
		p.events = append(p.events, event{kind: "syncfolder"})
	case !known:
	case inode == -1 && name == "write":
		data, err := hexString(args[1])
		p.events = append(p.events, event{kind: "say", data: data})
		return err
	case name == "pwrite64":
		data, err := hexString(args[1])
		if err == nil && len(data) != result {
			err = fmt.Errorf("%d of %d bytes written", result, len(data))
		}
		p.events = append(p.events, event{kind: "write", inode: inode, data: data, offset: number(3)})
		return err
	case name == "write":
		data, err := hexString(args[1])
		p.events = append(p.events, event{kind: "write", inode: inode, data: data[:min(result, len(data))], offset: p.offsets[fd]})
		p.offsets[fd] += int64(result)
		return err
	case name == "ftruncate":
		p.events = append(p.events, event{kind: "truncate", inode: inode, size: number(1)})
	case name == "fdatasync" || name == "fsync":
		p.events = append(p.events, event{kind: "sync", inode: inode})
	case inode >= 0:
		return fmt.Errorf("the file is written by a call that is not recorded")
	}
	return nil
}

// opened notes what a descriptor stands for. Only files beside the store's count.
func (p *traceParser) opened(args []string, fd int) error {
	name, err := hexString(args[1])
	if err != nil {
		return err
	}
	path := string(name)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		p.folders[fd] = true
		return nil
	}
	if !strings.Contains(filepath.Base(path), "store") {
		return nil
	}
	inode, known := p.inodes[path]
	if !known {
		inode = len(p.inodes)
		p.inodes[path] = inode
	}
	p.fds[fd] = inode
	return nil
}

func (p *traceParser) linked(args []string) error {
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
	inode, known := p.inodes[paths[0]]
	if !known {
		return nil
	}
	p.inodes[paths[1]] = inode
	p.events = append(p.events, event{kind: "link", inode: inode, path: paths[1]})
	return nil
}

func hexString(arg string) ([]byte, error) {
	digits, ok := strings.CutPrefix(arg, `"`)
	digits, whole := strings.CutSuffix(digits, `"`)
	if !ok || !whole {
		return nil, fmt.Errorf("not a whole string: %.80s", arg)
	}
	return hex.DecodeString(strings.ReplaceAll(digits, `\x`, ""))
}
