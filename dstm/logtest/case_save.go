package logtest

import (
	"bytes"
	"context"
	"strings"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

func saveAndLoad(k *kit) {
	log := k.fresh()
	k.wantPieces(log)
	k.wantGone(log, "a", "")
	k.save(log)
	k.save(log, piece("b", 1, "two"), piece("a", 2, "one"))
	k.wantPieces(log, piece("a", 2, "one"), piece("b", 1, "two"))
	k.save(log, piece("c", 0, ""), piece("d", 1<<52, "late"))
	for range 2 { // reading takes nothing away
		k.wantPieces(log, piece("a", 2, "one"), piece("b", 1, "two"), piece("c", 0, ""), piece("d", 1<<52, "late"))
	}
	k.wantGone(log, "A", "a\x00", "e")
	k.wantHead(log, 0) // pieces are no entries, and need none
}

func saveReplaces(k *kit) {
	log := k.fresh()
	k.save(log, piece("a", 5, "five"), piece("b", 5, "other"))
	k.save(log, piece("a", 6, "six"))
	k.wantPieces(log, piece("a", 6, "six"), piece("b", 5, "other"))
	k.save(log, piece("a", 6, "six again"))
	k.wantPieces(log, piece("a", 6, "six again"), piece("b", 5, "other"))
	k.save(log, piece("a", 8, "six again")) // the same state, but of later
	k.wantPieces(log, piece("a", 8, "six again"), piece("b", 5, "other"))
	k.save(log, piece("a", 9, ""))
	k.wantPieces(log, piece("a", 9, ""), piece("b", 5, "other"))
}

// saveSkipsOlder: what is older is skipped, and what comes with it is not.
func saveSkipsOlder(k *kit) {
	log := k.fresh()
	k.save(log, piece("a", 5, "five"))
	k.save(log, piece("a", 4, "four"), piece("b", 1, "one"))
	k.wantPieces(log, piece("a", 5, "five"), piece("b", 1, "one"))
	k.save(log, gone("a", 4), gone("b", 0), piece("c", 2, "two"))
	k.wantPieces(log, piece("a", 5, "five"), piece("b", 1, "one"), piece("c", 2, "two"))
}

func saveRemoves(k *kit) {
	log := k.fresh()
	k.save(log, piece("a", 5, "five"), piece("b", 5, "five"), piece("c", 5, "five"))
	k.save(log, gone("a", 5), gone("b", 7), gone("no such key", 1))
	k.wantPieces(log, piece("c", 5, "five"))
	k.wantGone(log, "a", "b", "no such key")
	// No trace is left: any position can come back.
	k.save(log, piece("a", 1, "again"), piece("b", 0, ""))
	k.wantPieces(log, piece("a", 1, "again"), piece("b", 0, ""), piece("c", 5, "five"))
	k.save(log, gone("a", 9), gone("b", 9), gone("c", 9))
	k.wantPieces(log)
}

// saveOneKeyTwice: pieces of one call meet each other in their order.
func saveOneKeyTwice(k *kit) {
	log := k.fresh()
	k.save(log, piece("a", 1, "one"), piece("a", 2, "two"), piece("b", 2, "two"), piece("b", 1, "one"))
	k.wantPieces(log, piece("a", 2, "two"), piece("b", 2, "two"))
	k.save(log, gone("a", 2), piece("a", 1, "one"), piece("b", 3, "three"), gone("b", 3))
	k.wantPieces(log, piece("a", 1, "one"))
}

// saveIsAllOrNone offers pieces that break the limits between sound ones.
func saveIsAllOrNone(k *kit) {
	log := k.fresh()
	k.save(log, piece("a", 1, "one"), piece("b", 1, "one"))
	for what, wrong := range map[string]dstm.Piece{
		"an empty key":              piece("", 2, "x"),
		"a key of 1025 bytes":       piece(strings.Repeat("k", dstm.MaxPieceKey+1), 2, "x"),
		"a key that is no UTF-8":    piece("\xff", 2, "x"),
		"a key that is cut off":     piece("\xe2\x82", 2, "x"),
		"removing an empty key":     gone("", 2),
		"a value above 64 MiB":      {Key: "large", Position: 2, Value: make([]byte, dstm.MaxPieceValue+1)},
		"an old piece, too long":    piece("a"+strings.Repeat("k", dstm.MaxPieceKey), 0, "x"),
		"a key of 2000 times 0x00 ": piece(strings.Repeat("\x00", 2000), 2, "x"),
	} {
		for at := range 3 {
			pieces := []dstm.Piece{piece("a", 2, "two"), gone("b", 2), piece("c", 2, "two")}
			pieces[at] = wrong
			k.wantCode(log.Save(k.ctx, pieces), status.InvalidArgument, "Save with "+what)
		}
		k.wantPieces(log, piece("a", 1, "one"), piece("b", 1, "one"))
	}
	longest := strings.Repeat("k", dstm.MaxPieceKey)
	k.save(log, piece(longest, 1, "long"))
	k.wantPieces(log, piece("a", 1, "one"), piece("b", 1, "one"), piece(longest, 1, "long"))
}

// piecesAreCopied changes what was given to Save, and keeps what Load and List gave.
func piecesAreCopied(k *kit) {
	log := k.fresh()
	given := []dstm.Piece{piece("a", 1, "value of a"), {Key: "b", Position: 1, Value: pattern(1, 100<<10)}}
	k.save(log, given...)
	for _, p := range given {
		clear(p.Value)
	}
	clear(given)
	want := []dstm.Piece{piece("a", 1, "value of a"), {Key: "b", Position: 1, Value: pattern(1, 100<<10)}}
	k.wantPieces(log, want...)
	kept, err := listed(k.ctx, log, "", "")
	if err != nil {
		k.Fatalf("List: %v", err)
	}
	kept = append(kept, k.load(log, "a"), k.load(log, "b"))
	for at := range dstm.Position(20) {
		k.save(log, dstm.Piece{Key: "a", Position: at + 2, Value: pattern(int64(at), 90<<10)}, gone("b", at+2))
		k.save(log, piece("b", at+2, "another"))
	}
	for i, p := range kept {
		if !same(p, want[i%2]) {
			k.Fatalf("a value that was given out became %s, want %s", show([]dstm.Piece{p}), show(want[i%2:][:1]))
		}
	}
}

// largePieces has sizes around those at which an implementation may do something else.
func largePieces(k *kit) {
	log := k.fresh()
	var want []dstm.Piece
	for i, size := range []int{32<<10 - 1, 32 << 10, 32<<10 + 1, 64 << 10, 300_000, 1 << 20, 16 << 20} {
		want = append(want, dstm.Piece{Key: string(rune('a' + i)), Position: 7, Value: pattern(int64(i), size)})
	}
	k.save(log, want...)
	k.wantPieces(log, want...)
	last := len(want) - 1
	k.save(log, gone(want[last].Key, 7), dstm.Piece{Key: want[0].Key, Position: 7, Value: want[last].Value}, piece("b", 8, "small"))
	k.save(log, dstm.Piece{Key: "c", Position: 8, Value: pattern(99, 2<<20)})
	want[0].Value, want[1], want[2].Position, want[2].Value = want[last].Value, piece("b", 8, "small"), 8, pattern(99, 2<<20)
	k.wantPieces(log, want[:last]...)
	k.save(log, dstm.Piece{Key: "c", Position: 7, Value: pattern(98, 1<<20)}) // older
	if got := k.load(log, "c"); !bytes.Equal(got.Value, want[2].Value) {
		k.Fatalf("a large piece was replaced by an older one")
	}
	log = k.fresh()
	for at := range dstm.Position(4) { // one after another, with nothing beside it
		p := dstm.Piece{Key: "only", Position: at, Value: pattern(int64(at), 1<<20)}
		k.save(log, p)
		k.wantPieces(log, p)
	}
}

// donePieceContexts: a call whose context is done does nothing and says so, List and Keys too.
func donePieceContexts(k *kit) {
	log := k.fresh()
	k.save(log, piece("a", 1, "one"))
	ctx, cancel := context.WithCancel(k.ctx)
	cancel()
	k.wantCanceled(log.Save(ctx, []dstm.Piece{piece("a", 2, "no")}), "Save")
	_, err := log.Load(ctx, "a")
	k.wantCanceled(err, "Load")
	_, err = listed(ctx, log, "", "")
	k.wantCanceled(err, "List")
	k.wantCanceled(keysEnd(ctx, log), "Keys")
	k.wantPieces(log, piece("a", 1, "one"))
}

// keysEnd is the error with which Keys ends.
func keysEnd(ctx context.Context, log dstm.Log) error {
	for _, err := range log.Keys(ctx, "", "") {
		if err != nil {
			return err
		}
	}
	return nil
}
