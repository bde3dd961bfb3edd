package logtest

import (
	"context"
	"errors"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// TestFaulty gives each fault to one append behind 1, followed by a sound one behind wherever the head then is.
func TestFaulty(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault Fault
		want  error
		head  dstm.Position // after the append with the fault
		later dstm.Position // once nothing can appear any more
	}{
		{"none", None, nil, 2, 2},
		{"moved", Moved, dstm.ErrMoved, 1, 1},
		{"lost", Lost, dstm.ErrUncertain, 1, 1},
		{"kept", Kept, dstm.ErrUncertain, 2, 2},
		{"late", Late, dstm.ErrUncertain, 1, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			log := NewFaulty(dstm.NewMemoryLog(), func(n int) Fault {
				if n == 1 {
					return c.fault
				}
				return None
			})
			defer log.Close()
			if _, err := log.Append(ctx, 0, batch(dataAt(1))); err != nil {
				t.Fatal(err)
			}
			_, err := log.Append(ctx, 1, batch(dataAt(2)))
			if !errors.Is(err, c.want) || status.OutcomeUnknown(err) != (c.want == dstm.ErrUncertain) {
				t.Errorf("Append: %v, want %v", err, c.want)
			}
			if head, _ := log.Head(ctx); head != c.head {
				t.Errorf("head is %d, want %d", head, c.head)
			}
			log.Release(ctx)
			if head, _ := log.Head(ctx); head != c.later {
				t.Errorf("head is %d in the end, want %d", head, c.later)
			}
			if _, err := log.Append(ctx, c.later, batch(dataAt(c.later+1))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFaultyTooLate: a late batch vanishes when somebody else was faster.
func TestFaultyTooLate(t *testing.T) {
	ctx := context.Background()
	sound := dstm.NewMemoryLog()
	log := NewFaulty(sound, func(int) Fault { return Late })
	if _, err := log.Append(ctx, 0, batch([]byte("late"))); !errors.Is(err, dstm.ErrUncertain) {
		t.Fatal(err)
	}
	if _, err := sound.Append(ctx, 0, batch([]byte("faster"))); err != nil {
		t.Fatal(err)
	}
	log.Release(ctx)
	got, err := readSome(ctx, log, 0, 1)
	if head, _ := log.Head(ctx); err != nil || head != 1 || string(got[0].Data) != "faster" {
		t.Errorf("head %d, %v, %v", head, got, err)
	}
}
