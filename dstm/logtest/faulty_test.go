package logtest

import (
	"context"
	"errors"
	"slices"
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

// TestFaultySave gives each fault to a save of three pieces: all of them are there afterwards or none.
func TestFaultySave(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name         string
		fault        Fault
		want         error
		there, later bool
	}{
		{"none", None, nil, true, true},
		{"refused", Moved, status.Unavailable, false, false},
		{"lost", Lost, dstm.ErrUncertain, false, false},
		{"kept", Kept, dstm.ErrUncertain, true, true},
		{"late", Late, dstm.ErrUncertain, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := NewFaulty(dstm.NewMemoryLog(), func(int) Fault { return None })
			log.PlanSaves(func(n int) Fault {
				if n == 1 {
					return c.fault
				}
				return None
			})
			before := []dstm.Piece{piece("a", 1, "one"), piece("b", 1, "one")}
			after := []dstm.Piece{piece("a", 2, "two"), piece("c", 2, "two")}
			holds := func(want bool) {
				t.Helper()
				got, err := listed(ctx, log, "", "")
				if err != nil {
					t.Fatal(err)
				}
				wanted := before
				if want {
					wanted = after
				}
				if !slices.EqualFunc(got, wanted, same) {
					t.Errorf("holds %s, want %s", show(got), show(wanted))
				}
			}
			if err := log.Save(ctx, before); err != nil {
				t.Fatal(err)
			}
			err := log.Save(ctx, []dstm.Piece{after[0], gone("b", 2), after[1]})
			if !errors.Is(err, c.want) || status.OutcomeUnknown(err) != (c.want == dstm.ErrUncertain) {
				t.Errorf("Save: %v, want %v", err, c.want)
			}
			holds(c.there)
			log.Release(ctx)
			holds(c.later)
		})
	}
}

// TestFaultySaveTooLate: pieces that come late do not replace newer ones.
func TestFaultySaveTooLate(t *testing.T) {
	ctx := context.Background()
	log := NewFaulty(dstm.NewMemoryLog(), func(int) Fault { return None })
	log.PlanSaves(func(n int) Fault { return []Fault{Late, None}[n] })
	value := []byte("late")
	if err := log.Save(ctx, []dstm.Piece{{Key: "a", Position: 1, Value: value}, piece("b", 1, "late")}); !errors.Is(err, dstm.ErrUncertain) {
		t.Fatal(err)
	}
	clear(value)
	if err := log.Save(ctx, []dstm.Piece{piece("b", 2, "newer")}); err != nil {
		t.Fatal(err)
	}
	got, err := listed(ctx, log, "", "")
	if want := []dstm.Piece{piece("a", 1, "late"), piece("b", 2, "newer")}; err != nil || !slices.EqualFunc(got, want, same) {
		t.Errorf("holds %s, %v", show(got), err)
	}
}
