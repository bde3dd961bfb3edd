package bolt

import (
	"bufio"
	"testing"
)

// TestKill ends a process that appends and saves, without warning. (It cannot tell a store that syncs from one that does not, because
// the page cache survives; TestPowerLoss can.)
func TestKill(t *testing.T) {
	path := newPath(t)
	var said acknowledged
	for round := range 5 {
		cmd := command(t, task("append", path))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			said.hear(lines.Text())
			if n == 10+7*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Error(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process ended by itself")
		}
		head, err := said.verify(path)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		t.Logf("round %d: acknowledged %+v, found %d", round, said, head)
		said.head = head // what was found once stays
	}
}
