package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/leak"
)

// give is what a page does to put n dots on a note, or with a negative n to take some back.
func give(tx *dstm.Tx, client, note string, n int) {
	tx.Add(n, 0, defaultDots, "by", client, "used")
	tx.Add(n, 0, defaultDots, "by", client, "on", note)
}

// votes opens the dots of the first board for a page.
func (p *page) votes(t *testing.T) dstm.Object {
	t.Helper()
	all, err := listBoards.Call(t.Context(), p.calls, struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	o, err := p.objects.Open(t.Context(), "votes/"+all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestDotsAreCounted(t *testing.T) {
	leak.Check(t)
	server := start(t, filepath.Join(t.TempDir(), "board.db"))
	var people []*page
	var wait sync.WaitGroup
	for range 8 {
		p := server.page(t)
		people = append(people, p)
		votes := p.votes(t)
		me := p.conn.ID().String()
		wait.Go(func() {
			for i := range defaultDots {
				runs := 0
				_, err := votes.Update(t.Context(), func(tx *dstm.Tx) error {
					runs++
					give(tx, me, fmt.Sprint("note", i%2), 1)
					return nil
				})
				if err != nil || runs > 1 {
					t.Errorf("dot %d: %v after %d runs", i, err, runs)
				}
			}
			_, err := votes.Update(t.Context(), func(tx *dstm.Tx) error { give(tx, me, "note0", 1); return nil })
			if !errors.Is(err, dstm.ErrBounds) {
				t.Errorf("one dot too many: %v", err)
			}
			if _, err := votes.Update(t.Context(), func(tx *dstm.Tx) error { give(tx, me, "note0", -1); return nil }); err != nil {
				t.Errorf("taken back: %v", err)
			}
		})
	}
	wait.Wait()
	fresh := server.page(t)
	people = append(people, fresh)
	fresh.votes(t).View(func(tx *dstm.Tx) error {
		sum := 0
		for _, client := range tx.Keys("by") {
			for _, note := range tx.Keys("by", client, "on") {
				var n int
				tx.Lookup(&n, "by", client, "on", note)
				sum += n
			}
		}
		if sum != 8*(defaultDots-1) {
			t.Errorf("%d dots", sum)
		}
		return nil
	})
	for _, p := range people {
		p.conn.Close()
	}
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
}

// Whatever a page writes, others' dots are theirs, and nobody has more than there are.
func TestDotsAreFair(t *testing.T) {
	leak.Check(t)
	ctx := t.Context()
	server := start(t, filepath.Join(t.TempDir(), "board.db"))
	evil, kind := server.page(t), server.page(t)
	votes, theirs := evil.votes(t), kind.votes(t)
	me, other := evil.conn.ID().String(), kind.conn.ID().String()
	if _, err := theirs.Update(ctx, func(tx *dstm.Tx) error { give(tx, other, "a", 2); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := votes.Update(ctx, func(tx *dstm.Tx) error { give(tx, me, "a", 3); return nil }); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		fn   func(tx *dstm.Tx)
		want error
	}{
		"another's dots":            {func(tx *dstm.Tx) { give(tx, other, "a", 1) }, dstm.ErrDenied},
		"another's dots taken away": {func(tx *dstm.Tx) { tx.Delete("by", other, "on", "a") }, dstm.ErrDenied},
		"another taken away":        {func(tx *dstm.Tx) { tx.Delete("by", other) }, dstm.ErrDenied},
		"all taken away":            {func(tx *dstm.Tx) { tx.Delete("by") }, dstm.ErrDenied},
		"oneself as a whole":        {func(tx *dstm.Tx) { tx.Set(map[string]any{"used": 0}, "by", me) }, dstm.ErrDenied},
		"below a note":              {func(tx *dstm.Tx) { tx.Set(1, "by", me, "on", "c", "d") }, dstm.ErrDenied},
		"something else":            {func(tx *dstm.Tx) { tx.Set(1, "winner") }, dstm.ErrDenied},
		"beside used":               {func(tx *dstm.Tx) { tx.Set(1, "by", me, "free") }, dstm.ErrDenied},
		"not counted":               {func(tx *dstm.Tx) { tx.Add(1, nil, nil, "by", me, "on", "a") }, dstm.ErrInvariant},
		"counted as less":           {func(tx *dstm.Tx) { tx.Set(0, "by", me, "used") }, dstm.ErrInvariant},
		"more than there are": {func(tx *dstm.Tx) {
			tx.Add(9, nil, nil, "by", me, "used")
			tx.Add(9, nil, nil, "by", me, "on", "a")
		}, dstm.ErrInvariant},
		"less than none": {func(tx *dstm.Tx) { tx.Set(-2, "by", me, "on", "b"); tx.Set(5, "by", me, "on", "a") }, dstm.ErrInvariant},
		"no number":      {func(tx *dstm.Tx) { tx.Set("many", "by", me, "on", "a") }, dstm.ErrInvariant},
		"a map":          {func(tx *dstm.Tx) { tx.Set(map[string]any{"x": 1}, "by", me, "on", "b") }, dstm.ErrInvariant},
		"used is a map":  {func(tx *dstm.Tx) { tx.Set(map[string]any{"x": 1}, "by", me, "used") }, dstm.ErrInvariant},
		"on is a number": {func(tx *dstm.Tx) { tx.Set(3, "by", me, "on") }, dstm.ErrDenied},
		"no dots":        {func(tx *dstm.Tx) { tx.Overwrite(0, "dots") }, dstm.ErrInvariant},
		"endless dots":   {func(tx *dstm.Tx) { tx.Overwrite(1_000_000_000, "dots") }, dstm.ErrInvariant},
		"dots in words":  {func(tx *dstm.Tx) { tx.Overwrite("five", "dots") }, dstm.ErrInvariant},
		"half a dot":     {func(tx *dstm.Tx) { tx.Overwrite(2.5, "dots") }, dstm.ErrInvariant},
		"on too many notes": {func(tx *dstm.Tx) {
			for i := range maxVotedOn + 1 {
				tx.Overwrite(0, "by", me, "on", fmt.Sprint(i))
			}
		}, dstm.ErrInvariant},
	} {
		_, err := votes.Update(ctx, func(tx *dstm.Tx) error { test.fn(tx); return nil })
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// Fewer dots leave what was given, which can only be taken back.
	for _, step := range []struct {
		fn   func(tx *dstm.Tx)
		want error
	}{
		{func(tx *dstm.Tx) { tx.Overwrite(1, "dots") }, nil},
		{func(tx *dstm.Tx) { give(tx, me, "b", 1) }, dstm.ErrInvariant},
		{func(tx *dstm.Tx) { give(tx, me, "a", -1); give(tx, me, "b", 1) }, nil}, // moved
		{func(tx *dstm.Tx) { give(tx, me, "a", -2) }, nil},
		{func(tx *dstm.Tx) { give(tx, me, "a", 1) }, dstm.ErrInvariant},
		{func(tx *dstm.Tx) { tx.Overwrite(2, "dots") }, nil},
		{func(tx *dstm.Tx) { give(tx, me, "a", 1) }, nil},
	} {
		if _, err := votes.Update(ctx, func(tx *dstm.Tx) error { step.fn(tx); return nil }); !errors.Is(err, step.want) {
			t.Errorf("with fewer dots: %v, not %v", err, step.want)
		}
	}
	evil.conn.Close()
	kind.conn.Close()
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
}

// The number of people is bounded too: they cost every later vote a little.
func TestVotersAreBounded(t *testing.T) {
	leak.Check(t)
	objects, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: []dstm.Rule{{Object: "votes/*", Invariant: fairVotes}}})
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close(context.WithoutCancel(t.Context()))
	votes, err := objects.Open(t.Context(), "votes/x")
	if err != nil {
		t.Fatal(err)
	}
	defer votes.Close()
	vote := func(from, to int) error {
		_, err := votes.Update(t.Context(), func(tx *dstm.Tx) error {
			for i := from; i < to; i++ {
				give(tx, fmt.Sprint(i), "a", 1)
			}
			return nil
		})
		return err
	}
	if err := vote(0, maxVoters); err != nil {
		t.Error(err)
	}
	if err := vote(maxVoters, maxVoters+1); !errors.Is(err, dstm.ErrInvariant) {
		t.Errorf("one too many: %v", err)
	}
	if err := vote(0, 1); err != nil {
		t.Error(err)
	}
}
