package bolt

import (
	"fmt"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/internal/disktest"
)

// TestFailingDisk lets one system call after another fail in a process that appends and saves. What was acknowledged must be there
// when the file is opened again, and the append or the save that failed must be there whole or not at all.
func TestFailingDisk(t *testing.T) {
	strace := needStrace(t)
	for _, c := range []struct {
		inject string
		first  int // the first call behind the creation of the log, counted from the start of the process
		more   []int
	}{
		{"fdatasync:error=EIO", 9, []int{0, 1, 2, 3, 14}},
		{"pwrite64:error=ENOSPC", 10, []int{0, 1, 2, 3, 4, 5, 6, 7, 60}},
		{"ftruncate:error=ENOSPC", 2, []int{0, 1}},
		{"fsync:error=EIO", 3, []int{0, 1}},
	} {
		for _, more := range c.more {
			inject := fmt.Sprintf("%s:when=%d", c.inject, c.first+more)
			t.Run(inject, func(t *testing.T) {
				t.Parallel()
				path := newPath(t)
				cmd := command(t, task("fail", path), disktest.Failing(strace, inject)...)
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("the process: %v, after %s", err, out)
				}
				failedDisk(t, path, string(out))
			})
		}
	}
}

func failedDisk(t *testing.T, path, out string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var said acknowledged
	for _, line := range lines {
		said.hear(line)
	}
	switch last := lines[len(lines)-1]; {
	case last != "failed":
		t.Fatalf("nothing failed; the process ended with %q", last)
	case said.head == 0:
		t.Fatalf("already the first append failed: %q", out)
	}
	head, err := said.verify(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("acknowledged %+v, found %d", said, head)
	if most := said.head + 7; head > most {
		t.Errorf("head is %d: more than the one uncertain batch behind %d", head, said.head)
	}
}
