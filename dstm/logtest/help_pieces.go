package logtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/trefoilgo/trefoil/dstm"
)

// piece makes a piece with a value.
func piece(key string, at dstm.Position, value string) dstm.Piece {
	return dstm.Piece{Key: key, Position: at, Value: []byte(value)}
}

// gone makes a piece that removes its key.
func gone(key string, at dstm.Position) dstm.Piece { return dstm.Piece{Key: key, Position: at} }

// save saves pieces and fails the case if it does not work.
func (k *kit) save(log dstm.Log, pieces ...dstm.Piece) {
	k.Helper()
	if err := log.Save(k.ctx, pieces); err != nil {
		k.Fatalf("Save of %s: %v", show(pieces), err)
	}
}

// load loads a piece, which has the key that was asked for.
func (k *kit) load(log dstm.Log, key string) dstm.Piece {
	k.Helper()
	p, err := log.Load(k.ctx, key)
	if err != nil {
		k.Fatalf("Load of %q: %v", key, err)
	}
	if p.Value != nil && p.Key != key {
		k.Fatalf("Load of %q returned the piece %q", key, p.Key)
	}
	return p
}

// wantPieces checks that log holds exactly these pieces, which are in order: by List, by Keys, and each by Load.
func (k *kit) wantPieces(log dstm.Log, want ...dstm.Piece) {
	k.Helper()
	k.wantList(log, "", "", want)
	for _, w := range want {
		if got := k.load(log, w.Key); !same(got, w) {
			k.Fatalf("Load: %s, want %s", show([]dstm.Piece{got}), show([]dstm.Piece{w}))
		}
	}
}

// wantGone checks that there is no piece under any of the keys.
func (k *kit) wantGone(log dstm.Log, keys ...string) {
	k.Helper()
	for _, key := range keys {
		if p := k.load(log, key); p.Value != nil {
			k.Fatalf("Load: %s, want none", show([]dstm.Piece{p}))
		}
	}
}

// wantList checks what List and Keys yield.
func (k *kit) wantList(log dstm.Log, prefix, after string, want []dstm.Piece) {
	k.Helper()
	got, err := listed(k.ctx, log, prefix, after)
	if err != nil {
		k.Fatalf("List of prefix %q behind %q: %v", prefix, after, err)
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !same(got[i], want[i]) {
			k.Fatalf("List of prefix %q behind %q yielded %d pieces, want %d; from number %d on: %s, want %s",
				prefix, after, len(got), len(want), i, show(got[min(i, len(got)):]), show(want[min(i, len(want)):]))
		}
	}
	n := 0
	for key, err := range log.Keys(k.ctx, prefix, after) {
		if err != nil {
			k.Fatalf("Keys of prefix %q behind %q: %v", prefix, after, err)
		}
		if n == len(want) || key != want[n].Key {
			k.Fatalf("Keys of prefix %q behind %q yielded %q as number %d of %d", prefix, after, key, n, len(want))
		}
		n++
	}
	if n != len(want) {
		k.Fatalf("Keys of prefix %q behind %q yielded %d of %d", prefix, after, n, len(want))
	}
}

// listed takes all that a List yields.
func listed(ctx context.Context, log dstm.Log, prefix, after string) (got []dstm.Piece, err error) {
	for p, err := range log.List(ctx, prefix, after) {
		if err != nil {
			return got, err
		}
		got = append(got, p)
	}
	return got, nil
}

func same(a, b dstm.Piece) bool {
	return a.Key == b.Key && a.Position == b.Position && (a.Value == nil) == (b.Value == nil) && bytes.Equal(a.Value, b.Value)
}

// show is the beginning of a list of pieces for a message.
func show(pieces []dstm.Piece) string {
	var b bytes.Buffer
	for i, p := range pieces {
		if i == 4 {
			fmt.Fprintf(&b, " and %d more", len(pieces)-i)
			break
		}
		fmt.Fprintf(&b, "[%.40q@%d %d bytes %.20q]", p.Key, p.Position, len(p.Value), p.Value)
	}
	return b.String()
}

// pattern makes n bytes that depend on seed and nowhere repeat.
func pattern(seed int64, n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(data) //nolint:errcheck // never fails
	return data
}
