package faults

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/verify/rig"
)

const hostileObject = "hostile"

// Hostile has somebody send what no honest client would, frame by frame, while others work. Each frame must get the answer that
// docs/PROTOCOL.md names; nobody else may notice, and refusals may not make the log grow.
func Hostile(ctx context.Context, seed uint64, say func(format string, args ...any)) error {
	r, err := rig.New(ctx, rig.Options{Seed: seed, Process: true})
	if err != nil {
		return err
	}
	failed := hostile(ctx, r, say)
	if err := r.End(); failed == nil {
		failed = err
	}
	return failed
}

func hostile(ctx context.Context, r *rig.Rig, say func(format string, args ...any)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := r.Client()
	if err != nil {
		return err
	}
	honest, err := client.Object(hostileObject)
	if err != nil {
		return err
	}
	if _, err := honest.Update(ctx, func(tx *dstm.Tx) error {
		tx.Set(1, "scalar")
		tx.Set(int64(math.MaxInt64), "most")
		tx.Set(map[string]int{"a": 1}, "map")
		tx.Insert(dstm.Last(), 1, "list")
		return nil
	}); err != nil {
		return err
	}
	before, err := end(ctx, honest)
	if err != nil {
		return err
	}
	attacker, err := dialRaw(ctx, r)
	if err != nil {
		return err
	}
	defer attacker.close()
	committed := 0
	for _, a := range attacks(honest.Head()) {
		reason, err := attacker.commit(ctx, a.frame)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", a.name, err)
		case !slices.Contains(strings.Split(a.want, " or "), reason):
			return fmt.Errorf("%s: the answer is %q, want %q", a.name, reason, a.want)
		}
		if a.enters {
			committed++
		}
	}
	after, err := end(ctx, honest)
	if err != nil {
		return err
	}
	if after != before+dstm.Position(committed) {
		return fmt.Errorf("the log grew from %d to %d by %d commits", before, after, committed)
	}
	rude, err := malformed(ctx, r)
	if err != nil {
		return err
	}
	if _, err := honest.Update(ctx, func(tx *dstm.Tx) error { tx.Set(2, "scalar"); return nil }); err != nil {
		return fmt.Errorf("an honest client, afterwards: %w", err)
	}
	say("%d hostile transactions answered as they must be, %d frames that end a session; the log grew by the %d that are good", len(attacks(honest.Head())), rude, committed)
	return nil
}

// end is where the log ends.
func end(ctx context.Context, o dstm.Object) (dstm.Position, error) {
	commit, err := o.Update(ctx, func(tx *dstm.Tx) error { tx.Exists("scalar"); return nil }, dstm.Strict())
	return commit.Position, err
}

// attack is a transaction, and the reason with which it must be refused, "" if it must be committed.
type attack struct {
	name   string
	want   string
	enters bool // it makes an entry
	frame  list
}

// list is an array of the wire.
type list = []any

// attacks are made for the object at head, one after the other.
func attacks(head dstm.Commit) []attack {
	position := uint64(head.Position)
	frame := func(sequence uint64, base uint64, position uint64, reads, writes list) list {
		if reads == nil {
			reads = list{}
		}
		return list{sequence, 0, 0, position, nil, nil, list{list{hostileObject, head.Epoch, base, reads, writes}}, 1}
	}
	tx := func(sequence uint64, reads, writes list) list {
		return frame(sequence, head.Version, position, reads, writes)
	}
	set := func(value any, path ...string) list { return list{list{1, path, value}} }
	deep := make([]string, 40)
	for i := range deep {
		deep[i] = "k"
	}
	many := func(n int) (reads list) {
		for i := range n {
			reads = append(reads, list{2, []string{fmt.Sprint(i)}})
		}
		return reads
	}
	const conflict, invalid, large = "dstm.conflict", "dstm.invalid", "dstm.too_large"
	next := uint64(100)
	sequence := func() uint64 { next++; return next }
	return []attack{
		{name: "a good one", enters: true, frame: tx(100, nil, set(1, "mine"))},
		{name: "the same again", frame: tx(100, nil, set(1, "mine"))},
		{name: "its sequence with other content", want: "dstm.sequence_reused", frame: tx(100, nil, set(2, "mine"))},
		{name: "a sequence of the past", want: "dstm.stale_sequence", frame: tx(50, nil, set(3, "mine"))},
		{name: "a base of the future", want: conflict, frame: frame(sequence(), head.Version+1000, position, list{list{1, []string{"scalar"}}}, set(9, "scalar"))},
		{name: "a position of the future", want: conflict, frame: frame(sequence(), head.Version, position+1000, nil, set(9, "scalar"))},
		{name: "another epoch", want: conflict, frame: list{sequence(), 0, 0, position, nil, nil, list{list{hostileObject, "another", head.Version, list{}, set(9, "scalar")}}, 1}},
		{name: "too many reads", want: invalid + " or " + large, frame: tx(sequence(), many(20_000), set(9, "scalar"))},
		{name: "a path through a scalar", want: invalid, frame: tx(sequence(), nil, set(9, "scalar", "below"))},
		{name: "a path too deep", want: invalid, frame: tx(sequence(), nil, set(9, deep...))},
		{name: "an empty key", want: invalid, frame: tx(sequence(), nil, set(9, ""))},
		{name: "not a number", want: invalid, frame: tx(sequence(), nil, set(math.NaN(), "mine"))},
		{name: "overflow", want: conflict, frame: tx(sequence(), nil, list{list{3, []string{"most"}, 1, nil, nil}})},
		{name: "an addition to a map", want: conflict + " or " + invalid, frame: tx(sequence(), nil, list{list{3, []string{"map"}, 1, nil, nil}})},
		{name: "the root deleted", want: invalid, frame: tx(sequence(), nil, list{list{2, []string{}}})},
		{name: "an unknown write", want: invalid, frame: tx(sequence(), nil, list{list{99, []string{"mine"}, 1}})},
		{name: "an unknown read", want: invalid, frame: tx(sequence(), list{list{99, []string{"mine"}}}, set(9, "scalar"))},
		{name: "an element beside itself", want: invalid, frame: tx(sequence(), nil, list{list{7, []string{"list"}, "x", 3, "x"}})},
		{name: "a list into a map", want: invalid, frame: tx(sequence(), nil, list{list{6, []string{"map"}, "x", 1, nil, 1}})},
		{name: "an element that is not there moved", want: conflict, frame: tx(sequence(), nil, list{list{7, []string{"list"}, "x", 1, nil}})},
		{name: "a hash that is none", want: invalid, frame: tx(sequence(), list{list{5, []string{"map"}, "short"}}, set(9, "scalar"))},
		{name: "a read that does not hold", want: conflict, frame: tx(sequence(), list{list{2, []string{"scalar"}}}, set(9, "scalar"))},
		{name: "what presumes what never came", want: "dstm.depends", frame: list{sequence(), 0, 0, position, list{99}, nil, list{list{hostileObject, head.Epoch, head.Version, list{}, set(9, "scalar")}}, 1}},
		{name: "the same object twice", want: invalid, frame: list{sequence(), 0, 0, position, nil, nil, list{
			list{hostileObject, head.Epoch, head.Version, list{}, set(9, "scalar")}, list{hostileObject, head.Epoch, head.Version, list{}, set(8, "scalar")}}, 1}},
		{name: "no object", want: invalid, frame: list{sequence(), 0, 0, position, nil, nil, list{}, 1}},
		{name: "again, from long ago, by somebody unknown", want: "dstm.outcome_unknown", frame: list{sequence(), 0, 1, position, nil, nil, list{list{hostileObject, "another", head.Version, list{}, set(9, "scalar")}}, 1}},
	}
}

// malformed sends frames after which there is no session any more, each in one of its own.
func malformed(ctx context.Context, r *rig.Rig) (int, error) {
	frames := []list{
		{3, 7, "main", 10, 10, 0, 1, nil, nil, list{}},    // settled not below its sequence
		{3, 7, "main", -1, 0, 0, 1, nil, nil, list{}},     // a negative sequence
		{3, 7, "main", "ten", 0, 0, 1, nil, nil, list{}},  // no number
		{3, 8, "main", 1, 1, list{}},                      // what only a server sends
		{3, 7, 12, 10, 0, 0, 1, nil, nil, list{}},         // a stream that is no log
		{3, 1, "", 1, hostileObject, list{"epoch", 1, 1}}, // half a resume point
	}
	for _, frame := range frames {
		a, err := dialRaw(ctx, r)
		if err != nil {
			return 0, err
		}
		err = a.send(frame)
		if err == nil {
			err = a.wantEnd(ctx)
		}
		a.close()
		if err != nil {
			return 0, fmt.Errorf("%v: %w", frame, err)
		}
	}
	return len(frames), nil
}

var errEnded = errors.New("the session has ended")

// reasonOf is the reason of an error of the wire.
func reasonOf(err *status.Error) string { return string(err.Reason) }
