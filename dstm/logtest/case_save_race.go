package logtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm"
)

// savesRace: of many saves of the same keys at once, the highest position stays.
func savesRace(k *kit) {
	log := k.fresh()
	const savers, keys = 6, 10
	each(savers, func(i int) {
		for n := range 8 {
			at := dstm.Position(n*savers + i)
			var pieces []dstm.Piece
			for key := range keys {
				pieces = append(pieces, piece(fmt.Sprint(key), at, fmt.Sprint("state at ", at)))
			}
			if err := log.Save(k.ctx, pieces); err != nil {
				k.Errorf("Save: %v", err)
				return
			}
		}
	})
	var want []dstm.Piece
	for key := range keys {
		want = append(want, piece(fmt.Sprint(key), 8*savers-1, fmt.Sprint("state at ", 8*savers-1)))
	}
	k.wantPieces(log, want...)
}

// savesAreAtomic saves groups of pieces with one position while others load two of a group, in either order: what is
// loaded second is not older than what is loaded first. Keys come and go in the same call.
func savesAreAtomic(k *kit) {
	log := k.fresh()
	const keys, rounds = 40, 60
	group := func(at dstm.Position) (pieces []dstm.Piece) {
		for i := range keys {
			pieces = append(pieces, piece(fmt.Sprintf("%02d", i), at, fmt.Sprint(at)))
		}
		if at%2 == 0 {
			slices.Reverse(pieces)
		}
		return pieces
	}
	k.save(log, group(1)...)
	ctx, stop := context.WithCancel(k.ctx)
	defer stop()
	var stopped atomic.Bool
	each(3, func(i int) {
		if i == 0 {
			defer stop()
			defer stopped.Store(true)
			for at := dstm.Position(2); at < rounds; at++ {
				if err := log.Save(k.ctx, group(at)); err != nil {
					k.Errorf("Save: %v", err)
					return
				}
			}
			return
		}
		first, second := "00", fmt.Sprintf("%02d", keys-1)
		if i == 2 {
			first, second = second, first
		}
		for !stopped.Load() {
			a, err := log.Load(ctx, first)
			b, err2 := log.Load(ctx, second)
			if err = errors.Join(err, err2); err != nil {
				if ctx.Err() == nil {
					k.Errorf("Load: %v", err)
				}
				return
			}
			if b.Position < a.Position || string(b.Value) != fmt.Sprint(b.Position) {
				k.Errorf("a save was seen in part: %q is at %d, and then %q at %d (%q)", first, a.Position, second, b.Position, b.Value)
				return
			}
		}
	})
	k.wantList(log, "", "", ordered(group(rounds-1)))
}

func ordered(pieces []dstm.Piece) []dstm.Piece {
	slices.SortFunc(pieces, func(a, b dstm.Piece) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return pieces
}

// saveBesideEverything: pieces, entries, lists and truncations at once, none of which disturbs another.
func saveBesideEverything(k *kit) {
	log := k.fresh()
	const upto = 120
	stay := k.fillPieces(log, 400)
	ctx, stop := context.WithCancel(k.ctx)
	defer stop()
	each(5, func(i int) {
		switch i {
		case 0: // what a store does
			defer stop()
			for head := dstm.Position(0); head < upto; head += 3 {
				_, err := log.Append(k.ctx, head, batch(numbered(head, 3)...))
				if err == nil && head%12 == 0 {
					err = log.Save(k.ctx, []dstm.Piece{piece("state", head, fmt.Sprint(head))})
				}
				if err == nil && head%30 == 0 {
					err = log.Truncate(k.ctx, head)
				}
				if err != nil {
					k.Errorf("Append, Save or Truncate: %v", err)
					return
				}
			}
		case 1, 2: // comings and goings around the others
			for n := dstm.Position(0); ctx.Err() == nil; n++ {
				err := log.Save(k.ctx, []dstm.Piece{piece(fmt.Sprint("k0", i), n, "x"), gone(fmt.Sprint("l", i), n)})
				if err == nil {
					err = log.Save(k.ctx, []dstm.Piece{gone(fmt.Sprint("k0", i), n), piece(fmt.Sprint("l", i), n, "x")})
				}
				if err != nil {
					k.Errorf("Save: %v", err)
					return
				}
			}
		default:
			for ctx.Err() == nil {
				n := 0
				for p, err := range log.List(k.ctx, "k", "") {
					if err != nil {
						k.Errorf("List: %v", err)
						return
					}
					if n < len(stay) && p.Key == stay[n].Key {
						n++
					}
				}
				if n != len(stay) {
					k.Errorf("List yielded %d of the %d that stayed", n, len(stay))
					return
				}
			}
		}
	})
	k.wantNumbered(log, 90, upto)
	if p := k.load(log, "state"); p.Position != 108 {
		k.Fatalf("the state is at %d, want 108", p.Position)
	}
}

// closeWhileSaving checks that groups which were acknowledged are there, and none in part.
func closeWhileSaving(k *kit) {
	log := k.fresh()
	const keys = 5
	var next, acknowledged atomic.Uint64
	var closing, closed atomic.Bool
	each(3, func(int) {
		for {
			at, late := next.Add(1), closed.Load()
			var pieces []dstm.Piece
			for key := range keys {
				pieces = append(pieces, piece(fmt.Sprint(key), dstm.Position(at), fmt.Sprint(at)))
			}
			switch err := log.Save(k.ctx, pieces); {
			case err == nil && !late:
				for seen := acknowledged.Load(); seen < at && !acknowledged.CompareAndSwap(seen, at); {
					seen = acknowledged.Load()
				}
			case errors.Is(err, dstm.ErrLogClosed):
				k.wantClosed(err, closing.Load())
				return
			default:
				k.Errorf("Save number %d while the log closes, behind Close: %t: %v", at, late, err)
				return
			}
			if at >= 20 && closing.CompareAndSwap(false, true) {
				if err := log.Close(); err != nil {
					k.Errorf("Close: %v", err)
				}
				closed.Store(true)
			}
		}
	})
	if k.reopen == nil {
		return
	}
	log = k.reopen(log)
	k.closeLater(log)
	got, err := listed(k.ctx, log, "", "")
	if err != nil || len(got) != keys {
		k.Fatalf("List: %d of %d pieces, %v", len(got), keys, err)
	}
	for _, p := range got {
		if p.Position != got[0].Position || uint64(p.Position) < acknowledged.Load() {
			k.Fatalf("%q is at %d and %q at %d; acknowledged was %d", p.Key, p.Position, got[0].Key, got[0].Position, acknowledged.Load())
		}
	}
}
