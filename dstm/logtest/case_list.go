package logtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
)

// oddKeys are keys of which an order by anything but their bytes, or an end at 0x00, makes a mess. They are in order.
var oddKeys = []string{
	"\x00", "\x00\x00", "\x00a", "\x01", " ", "A", "a", "a\x00", "a\x00\x00", "a\x00b", "a\x01", "a!", "a/", "a/b", "a0", "aa", "b",
	"o/x", "o/x\x000000000000000001", "o/x\x000000000000000010", "o/xy", "z", "\x7f", "é", "é\x00", "éa", "世界", "\uffff", "😀", "😀😀",
}

func listOrder(k *kit) {
	log := k.fresh()
	var all []dstm.Piece
	for i, key := range oddKeys {
		all = append(all, piece(key, dstm.Position(i), "value of "+key))
	}
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(all)) {
		k.save(log, all[i])
	}
	k.wantPieces(log, all...)
	bounds := append(slices.Clone(oddKeys), "", "a\x00c", "o/", "zz", "é😀", "\U0010ffff")
	for _, prefix := range bounds {
		for _, after := range bounds {
			k.wantList(log, prefix, after, among(all, prefix, after))
		}
	}
}

// among is List of pieces that are in order.
func among(all []dstm.Piece, prefix, after string) (some []dstm.Piece) {
	for _, p := range all {
		if strings.HasPrefix(p.Key, prefix) && p.Key > after {
			some = append(some, p)
		}
	}
	return some
}

// manyPieces has more keys than fit into any page or transaction.
func manyPieces(k *kit) {
	log := k.fresh()
	const n = 20_000
	all := make([]dstm.Piece, n)
	for i := range all {
		all[i] = piece(fmt.Sprintf("%c/%05d", 'a'+i*4/n, i), dstm.Position(i), strconv.Itoa(i))
	}
	mixed := slices.Clone(all)
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	for some := range slices.Chunk(mixed, 4000) {
		k.save(log, some...)
	}
	k.wantList(log, "", "", all)
	k.wantList(log, "b/", "", all[n/4:n/2])
	k.wantList(log, "b/", all[n/4+777].Key, all[n/4+778:n/2])
	k.wantList(log, "", all[n-3].Key, all[n-2:])
	k.wantList(log, "e", "", nil)
	var removed, left []dstm.Piece
	for i, p := range all {
		if i%3 == 0 || i > n/4 && i < n/2 {
			removed = append(removed, gone(p.Key, p.Position))
		} else {
			left = append(left, p)
		}
	}
	k.save(log, removed...)
	k.wantList(log, "", "", left)
	k.wantList(log, "b/", "", among(left, "b/", ""))
	for range 3 { // a consumer may stop anywhere, and start again
		n := 0
		for range log.List(k.ctx, "", "") {
			if n++; n == 300 {
				break
			}
		}
		for range log.Keys(k.ctx, "", "") {
			break
		}
	}
}

// randomPieces compares the log with a map over many random saves.
func randomPieces(k *kit) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	k.Logf("SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	log, model := k.fresh(), map[string]dstm.Piece{}
	for range 150 {
		pieces := make([]dstm.Piece, 1+random.IntN(8))
		for i := range pieces {
			p := dstm.Piece{Key: oddKeys[random.IntN(len(oddKeys))], Position: dstm.Position(random.IntN(12))}
			if random.IntN(3) > 0 {
				p.Value = pattern(random.Int64N(1<<16), random.IntN(1<<(1+random.IntN(17))))
			}
			pieces[i] = p
			switch old, exists := model[p.Key]; {
			case exists && old.Position > p.Position:
			case p.Value == nil:
				delete(model, p.Key)
			default:
				model[p.Key] = p
			}
		}
		k.save(log, pieces...)
		prefix, after := "", ""
		if random.IntN(2) == 0 {
			prefix, after = oddKeys[random.IntN(len(oddKeys))][:1], oddKeys[random.IntN(len(oddKeys))]
		}
		all := make([]dstm.Piece, 0, len(model))
		for _, key := range slices.Sorted(maps.Keys(model)) {
			all = append(all, model[key])
		}
		k.wantList(log, prefix, after, among(all, prefix, after))
		one := oddKeys[random.IntN(len(oddKeys))]
		if got := k.load(log, one); got.Value != nil && !same(got, model[one]) || (got.Value == nil) != (model[one].Value == nil) {
			k.Fatalf("Load: %s, want %s", show([]dstm.Piece{got}), show([]dstm.Piece{model[one]}))
		}
	}
}

// fillPieces saves n pieces with keys that ascend.
func (k *kit) fillPieces(log dstm.Log, n int) []dstm.Piece {
	k.Helper()
	all := make([]dstm.Piece, n)
	for i := range all {
		all[i] = piece(fmt.Sprintf("k%05d", i), 1, fmt.Sprint("value ", i))
	}
	k.save(log, all...)
	return all
}

// listEndsWithContext: a list that was given up must not look like a whole one.
func listEndsWithContext(k *kit) {
	log := k.fresh()
	all := k.fillPieces(log, 3000)
	ctx, cancel := context.WithCancel(k.ctx)
	n := 0
	var end error
	for _, err := range log.List(ctx, "", "") {
		if end != nil {
			k.Fatalf("List went on after the error %v", end)
		}
		end = err
		n++
		cancel()
	}
	cancel()
	if n > len(all) {
		k.Fatalf("List yielded %d of %d", n, len(all))
	}
	k.wantCanceled(end, "List")
	ctx, cancel = context.WithCancel(k.ctx)
	defer cancel()
	end = nil
	for _, err := range log.Keys(ctx, "", "") {
		end = err
		cancel()
	}
	k.wantCanceled(end, "Keys")
}

func (k *kit) wantCanceled(err error, what string) {
	k.Helper()
	if !errors.Is(err, context.Canceled) {
		k.Fatalf("%s with a canceled context: %v", what, err)
	}
}

// listHoldsNothingBack uses the log in every way from inside a loop over List and Keys: nothing may be locked meanwhile.
// Keys that stay are yielded exactly once, in order.
func listHoldsNothingBack(k *kit) {
	log := k.fresh()
	all := k.fillPieces(log, 1500)
	seen, last := 0, ""
	for p, err := range log.List(k.ctx, "k", "") {
		if err != nil {
			k.Fatalf("List: %v", err)
		}
		if p.Key <= last {
			k.Fatalf("List yielded %q behind %q", p.Key, last)
		}
		if last = p.Key; len(p.Key) != len(all[0].Key) {
			continue // one that came meanwhile
		}
		if p.Key != all[seen].Key {
			k.Fatalf("List yielded %q, want %q", p.Key, all[seen].Key)
		}
		if seen++; seen%50 != 1 {
			continue
		}
		head := k.head(log)
		k.appendTo(log, head, numbered(head, 2)...)
		// What the list has passed goes, and elsewhere something comes; places among all keys mean nothing.
		k.save(log, gone(last, 1), piece("k99999x"+last, 1, "new"))
		if seen%200 == 1 {
			k.save(log, piece(last+"x", 1, "new"))
		}
		k.wantGone(log, all[seen-1].Key)
		for range log.Keys(k.ctx, "", "") {
			break
		}
		if err := log.Truncate(k.ctx, head); err != nil {
			k.Fatalf("Truncate: %v", err)
		}
	}
	if seen != len(all) {
		k.Fatalf("List yielded %d of the %d that stayed", seen, len(all))
	}
	var removed []dstm.Piece
	for key, err := range log.Keys(k.ctx, "", "") {
		if err != nil {
			k.Fatalf("Keys: %v", err)
		}
		if removed = append(removed, gone(key, 1)); len(removed)%100 == 0 {
			k.save(log, removed...)
		}
	}
	k.save(log, removed...)
	k.wantPieces(log)
}
