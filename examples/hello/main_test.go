package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/internal/fault"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/transport"
)

func play(t *testing.T, h hooks) (string, error) {
	t.Helper()
	leak.Check(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out bytes.Buffer
	err := run(ctx, &out, h)
	t.Logf("printed\n%s", &out)
	return out.String(), err
}

func TestThePlay(t *testing.T) {
	out, err := play(t, hooks{})
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(script, "\n") + "\n"; out != want {
		t.Errorf("printed\n%s\nwant\n%s", out, want)
	}
}

// Without conflict checking A's stale transaction would win: the program must notice.
func TestWithoutConflictChecking(t *testing.T) {
	fault.SkipConflicts.Store(true)
	defer fault.SkipConflicts.Store(false)
	out, err := play(t, hooks{})
	if err == nil {
		t.Fatalf("the program did not notice:\n%s", out)
	}
	if !strings.Contains(out, "from an old version") {
		t.Errorf("it failed for another reason: %v\n%s", err, out)
	}
}

// A second upgrade of A must not pass unnoticed, though all else goes on over the new connection.
func TestWithASecondUpgrade(t *testing.T) {
	out, err := play(t, hooks{beforeDSTM: func(a *client) error {
		a.gate.cut()
		lost := false
		for state := range a.conn.States(t.Context()) {
			lost = lost || state.Phase != transport.Open
			if lost && state.Phase == transport.Open {
				return nil
			}
		}
		return context.Cause(t.Context())
	}})
	if err == nil {
		t.Fatalf("the program did not notice:\n%s", out)
	}
	if !strings.Contains(out, "upgrades: A 2, B 1, C 1") {
		t.Errorf("it failed for another reason: %v\n%s", err, out)
	}
}
