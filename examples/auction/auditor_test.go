package main

import (
	"context"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

// The auditor finds what the house must never do, in a log that a house without laws wrote: each in its entry, also where it is made good later.
func TestAuditorFinds(t *testing.T) {
	type step struct {
		object string
		path   []string
		value  any
	}
	minted := step{houseObject, []string{"minted"}, 100}
	given := step{accountObject("ann"), []string{"available"}, 100} // with it, in one commit
	lot := []step{{lotObject("l"), []string{"seller"}, "sam"}, {lotObject("l"), []string{"state"}, stateOpen}, {lotObject("l"), []string{"price"}, 50}}
	for want, steps := range map[string][]step{
		"people have":             {{accountObject("bob"), []string{"available"}, 7}, {accountObject("bob"), []string{"available"}, 0}},
		"is below zero":           {{accountObject("ann"), []string{"held", "l"}, -1}},
		"fell from 50 to 40":      {{lotObject("l"), []string{"price"}, 40}},
		"after the hammer":        {{lotObject("l"), []string{"state"}, stateSold}, {lotObject("l"), []string{"price"}, 60}},
		"the seller of lot l":     {{lotObject("l"), []string{"leader"}, "sam"}},
		"the leader of lot l has": {{lotObject("l"), []string{"price"}, 60}},
	} {
		ctx := context.Background()
		log := dstm.NewMemoryLog()
		store, err := dstm.NewStore(log, nil)
		if err != nil {
			t.Fatal(err)
		}
		commit := func(steps ...step) {
			var objects []dstm.Object
			for _, s := range steps {
				o, err := store.Open(ctx, s.object)
				if err != nil {
					t.Fatal(err)
				}
				objects = append(objects, o)
			}
			_, err := dstm.UpdateAll(ctx, objects, func(tx *dstm.Tx) error {
				for i, s := range steps {
					tx.In(objects[i]).Overwrite(s.value, s.path...)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		commit(minted, given)
		for _, s := range append(lot, steps...) {
			commit(s)
		}
		a := newAuditor(log, false)
		if err := a.advance(ctx); err != nil {
			t.Fatal(err)
		}
		if found := strings.Join(a.problems, "\n"); !strings.Contains(found, want) {
			t.Errorf("want %q, found %q", want, found)
		}
		if err := store.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
