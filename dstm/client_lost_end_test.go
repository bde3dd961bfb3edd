package dstm_test

import (
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
)

// TestSeenInALostEnd has the server come back with a log that lost its end, which was about another object than the one that is open:
// the client has seen positions that are not there, and yet goes on.
func TestSeenInALostEnd(t *testing.T) {
	log := dstm.NewMemoryLog()
	m := newMoved(t, log)
	o, beside := m.open(m.guest, "board/1"), m.open(m.guest, "board/2")
	if _, err := o.Update(m.ctx, increase); err != nil {
		t.Fatal(err)
	}
	kept, err := dstmtest.Entries(m.ctx, log, 0)
	if err != nil {
		t.Fatal(err)
	}
	older := dstm.NewMemoryLog()
	for _, e := range kept {
		if _, err := older.Append(m.ctx, e.Position-1, dstm.Batch{Entries: [][]byte{e.Data}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		if _, err := beside.Update(m.ctx, increase); err != nil {
			t.Fatal(err)
		}
	}
	beside.Close()
	m.guest.line.drop(false)
	m.guest.offline(m.ctx)
	m.move(older)
	if _, err := o.Update(m.ctx, increase, dstm.MaxAttempts(3)); err != nil {
		t.Fatal(err)
	}
	if n, v := valueOf(t, o), o.Head().Version; n != 2 || v != 2 {
		t.Fatalf("count %d at version %d", n, v)
	}
}
