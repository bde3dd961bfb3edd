package replica

import (
	"fmt"
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

func insert(id string, at tree.Place) func(*draft) {
	return func(d *draft) {
		d.write(txn.Write{Op: txn.OpInsert, Path: tree.Path{"list"}, ID: id, Place: at, Value: codec.AppendInt(nil, 1)})
	}
}

func move(id string, at tree.Place) func(*draft) {
	return func(d *draft) {
		d.write(txn.Write{Op: txn.OpMove, Path: tree.Path{"list"}, ID: id, Place: at})
	}
}

var first, last = tree.Place{Where: tree.First}, tree.Place{Where: tree.Last}

func (d *desk) order(want ...string) {
	d.t.Helper()
	var ids []string
	if list := d.state("a").Root.Find(tree.Path{"list"}); list != nil {
		for id := range list.Children() {
			ids = append(ids, id)
		}
	}
	if !slices.Equal(ids, want) {
		d.t.Fatalf("the list is %q, want %q", ids, want)
	}
}

// TestElementsKeepTheirIDs: what was predicted is what lands.
func TestElementsKeepTheirIDs(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", insert("i", last))
	d.do("a", insert("j", first))
	d.do("a", insert("k", tree.Place{Where: tree.After, Anchor: "j"}))
	d.order("j", "k", "i")
	kept := d.state("a").Root
	d.send()
	for len(d.link.toClient) > 0 {
		d.next()
		d.order("j", "k", "i")
	}
	tree.Diff(nil, kept, d.state("a").Root, func(path tree.Path, _, _ *tree.Node, _ bool) bool {
		t.Fatalf("%v flickered", path)
		return true
	})
	d.expect("1 ok", "2 ok", "3 ok")
}

// TestPredictionsInAListThatChanges are made again on what it has become.
func TestPredictionsInAListThatChanges(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.foreign("a", func(t *draft) { insert("i", last)(t); insert("j", last)(t) })
	d.open("a")
	d.do("a", insert("k", last))
	d.do("a", move("i", last))
	d.order("j", "k", "i")
	d.foreign("a", insert("l", last))
	d.receive()
	d.order("j", "l", "k", "i")
	d.foreign("a", func(t *draft) { t.write(txn.Write{Op: txn.OpDelete, Path: tree.Path{"list", "i"}}) })
	d.receive()
	d.order("j", "l", "k") // what moves an element that is gone is taken back
	d.sync()
	d.expect("1 ok", "2 dstm.conflict")
	d.order("j", "l", "k")
}

// TestTwoInOneList: who started from the same state and read another element does not lose to an insertion.
func TestTwoInOneList(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.foreign("a", insert("i", last))
	d.open("a")
	s := d.state("a")
	d.on(s, "a", insert("j", last))
	d.on(s, "a", func(t *draft) { t.observe(tree.Path{"list", "i"}); t.set(5, "list", "i") })
	td := draft{State: s, part: txn.Part{Object: "a", Epoch: s.Epoch}}
	td.read(txn.ReadKeys, tree.Path{"list"})
	if _, path, err := d.core.Submit(txn.Transaction{Parts: []txn.Part{td.part}}, s.last()); err == nil || path.String() != "list" {
		t.Fatal("who read its ids does lose", err, path)
	}
	d.sync()
	d.expect("1 ok", "2 ok")
}

// TestAListThatWasReplaced takes back what was written into the old one.
func TestAListThatWasReplaced(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.foreign("a", insert("i", last))
	d.open("a")
	d.do("a", insert("j", last))
	d.foreign("a", func(t *draft) {
		t.write(txn.Write{Op: txn.OpDelete, Path: tree.Path{"list"}})
		insert("k", last)(t)
	})
	d.receive()
	d.order("k")
	d.sync()
	d.expect("1 dstm.conflict")
}

// TestWhatATransactionReplacedItself is no reason to take it back: it overwrites the list, whoever made it, and inserts into its own.
func TestWhatATransactionReplacedItself(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.do("a", func(t *draft) {
		t.write(txn.Write{Op: txn.OpDelete, Path: tree.Path{"list"}})
		insert("j", last)(t)
	})
	d.foreign("a", insert("i", last))
	d.receive()
	d.order("j")
	d.sync()
	d.expect("1 ok")
	d.order("j")
}

// TestAMoveIsSeen in the list, whose ids and values stay.
func TestAMoveIsSeen(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.foreign("a", func(t *draft) { insert("i", last)(t); insert("j", last)(t); insert("k", last)(t) })
	d.open("a")
	d.core.Events()
	d.do("a", move("k", first))
	e := d.core.Events()
	if len(e) != 1 || len(e[0].Paths) != 1 {
		t.Fatalf("events %+v", e)
	}
	if p := d.state("a").Pending; len(p) != 1 || len(p[0].Paths) != 1 || p[0].Paths[0].String() != "list/k" {
		t.Fatalf("pending %+v", p) // who reads another element does not depend on it
	}
	var moved []string
	at := e[0].Paths[0]
	tree.Diff(at, e[0].Before.Find(at), e[0].After.Find(at), func(path tree.Path, _, _ *tree.Node, is bool) bool {
		moved = append(moved, fmt.Sprint(path, is))
		return true
	})
	if !slices.Equal(moved, []string{"list/k true"}) {
		t.Fatalf("differences %v", moved)
	}
}
