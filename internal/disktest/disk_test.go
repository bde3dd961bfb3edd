package disktest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func quoted(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, `\x%s`, hex.EncodeToString([]byte{c}))
	}
	return `"` + b.String() + `"`
}

func TestRead(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "store")
	lines := []string{
		`1 openat(AT_FDCWD, ` + quoted(path+".new") + `, O_RDWR|O_CREAT, 0600) = 5`,
		`1 openat(AT_FDCWD, ` + quoted(folder+"/none") + `, O_RDONLY) = -1 ENOENT (No such file or directory)`,
		`1 pwrite64(5, ` + quoted("ab") + `, 2, 4096 <unfinished ...>`,
		`2 write(1, ` + quoted("hello\n") + `, 6) = 6`,
		`1 <... pwrite64 resumed>) = 2`,
		`1 fdatasync(5) = 0`,
		`1 linkat(AT_FDCWD, ` + quoted(path+".new") + `, AT_FDCWD, ` + quoted(path) + `, 0) = 0`,
		`1 openat(AT_FDCWD, ` + quoted(folder) + `, O_RDONLY) = 6`,
		`1 fsync(6) = 0`,
		`1 close(6) = 0`,
		`2 accept4(3, NULL, NULL, SOCK_CLOEXEC) = 6`,
		`2 writev(6, [{iov_base=` + quoted("c") + `, iov_len=1}, {iov_base=` + quoted("de") + `, iov_len=2}], 2) = 3`,
		`2 write(7, ` + quoted("x") + `, 1) = 1`,
		`1 ftruncate(5, 8192) = 0`,
		`1 fdatasync(5) = ?`,
		`1 +++ killed by SIGKILL +++`,
	}
	events, err := Read(strings.NewReader(strings.Join(lines, "\n")), "store")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprintf("%d:%d:%d:%s", e.Kind, e.File, e.Offset, e.Data))
	}
	want := []string{"5:1:0:hello\n", "0:2:4096:ab", "2:2:0:", "4:2:0:", "3:0:0:", "5:3:0:cde", "1:2:8192:"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("read %q, want %q", got, want)
	}
	for _, bad := range []string{`1 pwrite64(5`, `1 <... write`} {
		if _, err := Read(strings.NewReader(bad), "store"); !errors.Is(err, errSyntax) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestDisk: what was synced is in every file, of what was not there is every subset.
func TestDisk(t *testing.T) {
	events := []Event{
		{Kind: Link, File: 1, Path: "store"}, {Kind: Write, File: 1, Data: []byte("synced..")}, {Kind: Sync, File: 1}, {Kind: SyncFolder},
		{Kind: Say}, {Kind: Write, File: 1, Offset: 6, Data: []byte("a")}, {Kind: Write, File: 1, Offset: 7, Data: []byte("b")},
	}
	said, seen := false, map[string]bool{}
	d := Disk{
		Path: "store", Image: filepath.Join(t.TempDir(), "image"), Random: rand.New(rand.NewPCG(1, 1)),
		Hear: func(Event) bool { said = true; return true },
		Verify: func(image string) error {
			if image == "" {
				seen["none"] = true
				return nil
			}
			data, err := os.ReadFile(image)
			if err == nil && said && !bytes.HasPrefix(data, []byte("synced")) {
				err = errors.New("lost")
			}
			seen[string(data)] = true
			return err
		},
	}
	d.Replay(events)
	if len(d.Faults) > 0 {
		t.Error(d.Faults)
	}
	for _, want := range []string{"none", "", "synced..", "synceda.", "synced.b", "syncedab"} {
		if !seen[want] {
			t.Errorf("there was no file %q among %v", want, seen)
		}
	}
	events = append(events[:2:2], Event{Kind: Say}) // acknowledged before it is synced
	said = false
	if d.Replay(events); len(d.Faults) == 0 {
		t.Error("nobody noticed that what was acknowledged is lost")
	}
}
