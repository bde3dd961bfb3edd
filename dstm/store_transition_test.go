package dstm_test

import (
	"context"
	"errors"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

var cash = dstm.NewVar[int64]("cash")

// bank holds objects between which money moves: only its owner takes money out of one, only the server makes any.
func bank(t *dstm.Transition) error {
	var was, is int64
	for _, name := range t.Objects() {
		before, after := cash.At().Get(t.Before(name)), cash.At().Get(t.After(name))
		if after < before && !t.Own() && name != t.User() {
			return status.New(status.FailedPrecondition, "", "that is not your money").WithDetail("whose", name)
		}
		was, is = was+before, is+after
	}
	if was != is && !t.Own() {
		return status.New(status.FailedPrecondition, "", "money was made")
	}
	if rate := t.Before("rate"); rate != nil && cash.At().Get(rate) != cash.At().Get(t.After("rate")) {
		return errors.New("the rate is fixed")
	}
	if t.Before("elsewhere") != nil {
		return errors.New("an object that the transaction does not name")
	}
	return nil
}

// An invariant over a whole transaction compares its objects, and knows the author.
func TestTransition(t *testing.T) {
	leak.Check(t)
	ctx := testContext(t)
	store, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{
		Rules: []dstm.Rule{{Object: "*", Open: dstm.AllowAll, Write: dstm.AllowAll}}, Invariant: bank,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close(ctx)
	server := transport.NewServer(&transport.ServerOptions{Authenticate: func(context.Context, *transport.Hello) (transport.Identity, error) {
		return transport.Identity{User: "ann"}, nil
	}}, store)
	defer server.Close(ctx)
	client := dstm.NewClient(nil)
	conn, err := transport.Dial(ctx, "ws://in-memory", &transport.ClientOptions{Dialer: server.Pipe()}, client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	open := func(home interface {
		Open(context.Context, string) (dstm.Object, error)
	}, name string) dstm.Object {
		o, err := home.Open(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	move := func(from, to dstm.Object, out, in int64) error {
		_, err := dstm.UpdateAll(ctx, []dstm.Object{from, to}, func(tx *dstm.Tx) error {
			dstm.Add(tx, cash.At(), -out)
			dstm.Add(tx.In(to), cash.At(), in)
			return nil
		})
		return err
	}
	mint := open(store, "ann")
	if _, err := mint.Update(ctx, func(tx *dstm.Tx) error { cash.At().Set(tx, 100); return nil }); err != nil {
		t.Fatal("the store's own:", err)
	}
	ann, bob, rate := open(client, "ann"), open(client, "bob"), open(client, "rate")
	if err := move(ann, bob, 30, 30); err != nil {
		t.Error("own money:", err)
	}
	before := store.Position()
	for want, err := range map[string]error{
		"that is not your money": move(bob, ann, 5, 5),
		"money was made":         move(ann, bob, 5, 6),
		"the operation failed": func() error {
			_, err := rate.Update(ctx, func(tx *dstm.Tx) error { cash.At().Set(tx, 0); tx.Set("x", "cash"); return nil })
			return err
		}(),
	} {
		if got := status.From(err); !errors.Is(err, dstm.ErrInvariant) || got.Message != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := move(bob, ann, 5, 5); status.From(err).Details["whose"] != "bob" {
		t.Errorf("details: %v", status.From(err).Details)
	}
	if store.Position() != before {
		t.Error("the log grew")
	}
	if err := move(ann, rate, 0, 0); err != nil { // writes that change nothing
		t.Error(err)
	}
}

// Records are the log's entries, taken apart and chained.
func TestRecords(t *testing.T) {
	ctx := testContext(t)
	log := dstm.NewMemoryLog()
	store, err := dstm.NewStore(log, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close(ctx)
	a, _ := store.Open(ctx, "a")
	b, _ := store.Open(ctx, "b")
	_, err = dstm.UpdateAll(ctx, []dstm.Object{a, b}, func(tx *dstm.Tx) error {
		tx.Set("x", "k")
		tx.Add(2, nil, nil, "n")
		tx.In(b).Insert(dstm.Last(), true, "list")
		return nil
	}, dstm.Metadata(map[string]string{"why": "test"}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = a.Update(ctx, func(tx *dstm.Tx) error { tx.Delete("k"); return nil }); err != nil {
		t.Fatal(err)
	}
	var records []dstm.Record
	var entries []dstm.Entry
	for entry, err := range log.Read(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := dstm.ReadRecord(entry)
		if err != nil {
			t.Fatal(err)
		}
		records, entries = append(records, r), append(entries, entry)
		if len(records) == 3 {
			break
		}
	}
	if r := records[0]; r.Kind != dstm.RecordEpoch || r.Epoch != store.Epoch() || r.Previous != [32]byte{} || r.Position != 1 {
		t.Errorf("%+v", r)
	}
	for i := range 2 {
		if records[i+1].Previous != records[i].Hash {
			t.Error("no chain at", i)
		}
	}
	r := records[1]
	if r.Kind != dstm.RecordCommit || len(r.Parts) != 2 || r.Metadata["why"] != "test" || r.Size != len(entries[1].Data) {
		t.Fatalf("%+v", r)
	}
	w := r.Parts[0].Writes
	if r.Parts[0].Object != "a" || r.Parts[0].Version != 1 || len(w) != 2 || w[0].Op != "set" || w[1].Op != "add" || w[1].Path[0] != "n" || string(w[0].Value) != string(codec.AppendString(nil, "x")) {
		t.Errorf("%+v", r.Parts)
	}
	if w := r.Parts[1].Writes[0]; w.Op != "insert" || len(w.Path) != 2 || w.Path[0] != "list" {
		t.Errorf("%+v", w)
	}
	if w := records[2].Parts[0].Writes[0]; w.Op != "delete" || w.Value != nil {
		t.Errorf("%+v", w)
	}
	for _, bad := range []dstm.Entry{{Position: 2}, {Position: 3, Data: entries[1].Data}, {Position: 2, Data: entries[1].Data[:40]}} {
		if _, err := dstm.ReadRecord(bad); status.CodeOf(err) != status.DataLoss {
			t.Error(err)
		}
	}
	if _, err := dstm.ReadRecord(dstm.Entry{Position: 2, Data: append([]byte{99}, entries[1].Data[1:]...)}); status.CodeOf(err) != status.FailedPrecondition {
		t.Error(err)
	}
}
