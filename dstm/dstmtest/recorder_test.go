package dstmtest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
)

// scene is a store with one object of which everything is recorded.
func scene(t *testing.T) (*dstmtest.Recorder, *dstm.MemoryLog, dstm.Object) {
	t.Helper()
	log := dstm.NewMemoryLog()
	store, err := dstm.NewStore(log, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close(context.Background()) })
	o, err := store.Open(t.Context(), "o")
	if err != nil {
		t.Fatal(err)
	}
	r := &dstmtest.Recorder{}
	w := r.Watch(o)
	for i := range 3 {
		if _, err := w.Update(t.Context(), func(tx *dstm.Tx) error { tx.Set(i, "x"); return nil }, dstm.MaxAttempts(1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Update(t.Context(), func(tx *dstm.Tx) error { tx.Read("x"); return nil }); err != nil {
		t.Fatal(err)
	}
	fails := errors.New("no")
	if _, err := w.Update(t.Context(), func(tx *dstm.Tx) error { tx.Set(9, "x"); return fails }); err != fails {
		t.Fatal(err)
	}
	if err := r.See(w); err != nil {
		t.Fatal(err)
	}
	return r, log, o
}

func TestRecorder(t *testing.T) {
	r, log, o := scene(t)
	if err := r.Check(t.Context(), log); err != nil {
		t.Error(err)
	}
	// What nobody recorded is nothing wrong.
	if _, err := o.Update(t.Context(), func(tx *dstm.Tx) error { tx.Set(1, "y"); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(t.Context(), log); err != nil {
		t.Error(err)
	}
	all, err := dstmtest.Entries(t.Context(), log, 0)
	if err != nil {
		t.Fatal(err)
	}
	later, err := dstmtest.Entries(t.Context(), log, 2)
	if err != nil || len(later) != len(all)-2 || later[0].Position != 3 {
		t.Errorf("%d of %d entries behind 2, %v", len(later), len(all), err)
	}
}

func TestRecorderNotices(t *testing.T) {
	r, log, _ := scene(t)
	all, err := dstmtest.Entries(t.Context(), log, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		entries []dstm.Entry
		want    string
	}{
		"a lost commit": {all[:len(all)-1], "not in the log"},
		"a hole":        {append(all[:2:2], all[3:]...), "stands where"},
	} {
		if err := r.CheckEntries(c.entries); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A replica that holds what the log never made.
	_, _, stranger := scene(t)
	if _, err := stranger.Update(t.Context(), func(tx *dstm.Tx) error { tx.Delete("x"); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := r.See(stranger); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(t.Context(), log); err == nil || !strings.Contains(err.Error(), "saw version 4") {
		t.Error(err)
	}
}
