package replica

import (
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// pieces has the server send "a" in pieces from now on, and returns what it holds.
func pieces(d *desk) *shared {
	d.server.cut, d.server.forget = 100, 100
	d.foreign("a", func(t *draft) {
		t.set(1, "x")
		t.set(2, "m", "y")
		for _, id := range []string{"i", "j"} {
			t.write(txn.Write{Op: txn.OpInsert, Path: tree.Path{"m", "list"}, ID: id, Place: tree.Place{Where: tree.First}, Value: codec.AppendInt(nil, 3)})
		}
	})
	return d.server.object("a")
}

// next gives the core one frame.
func (d *desk) next() (kind int) {
	d.t.Helper()
	b := d.link.toClient[0]
	d.link.toClient = d.link.toClient[1:]
	f, _ := parse(b)
	d.take(b)
	return f.Kind
}

// untilLast gives the core all frames of an opening in pieces but the last piece.
func (d *desk) untilLast() {
	d.t.Helper()
	for {
		f, _ := parse(d.link.toClient[0])
		if f.Kind == kindPiece {
			f.Body.Skip()
			if f.Body.Bool() {
				return
			}
		}
		d.next()
	}
}

func TestAnObjectInPiecesOpensWithTheLast(t *testing.T) {
	d := newDesk(t)
	o := pieces(d)
	d.connect()
	d.core.Open("a")
	d.send()
	d.untilLast()
	if _, ok := d.core.State("a"); ok || len(d.core.Events()) > 0 {
		t.Fatal("it counts as opened before its last piece")
	}
	d.next()
	if s := d.state("a"); string(s.Root.Value()) != string(o.root.Value()) || string(s.Root.Shape()) != string(o.root.Shape()) {
		t.Fatalf("it is %x", s.Root.Value())
	}
	if e := d.core.Events(); len(e) != 1 || e[0].Kind != Opened {
		t.Fatalf("events %+v", e)
	}
}

// TestAResetInPieces: the object shows what it showed, with own predictions, and others go on.
func TestAResetInPieces(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.open("b")
	pieces(d)
	d.link.toClient = nil
	d.server.reset(d.link, "a")
	d.do("a", add(7, "n")) // not sent
	d.untilLast()
	d.sees("a", 7, "n")
	d.sees("a", 0, "x")
	d.foreign("b", set(1, "x"))
	d.take(d.link.toClient[len(d.link.toClient)-1])
	d.sees("b", 1, "x")
	d.link.toClient = d.link.toClient[:len(d.link.toClient)-1]
	at := *d.server.object("a")
	d.foreign("a", set(9, "x"))
	d.take(d.link.toClient[len(d.link.toClient)-1]) // no change may come here: it is as if it were lost
	d.link.toClient = d.link.toClient[:len(d.link.toClient)-1]
	d.sees("a", 0, "x")
	d.next()
	d.sees("a", 1, "x")
	d.sees("a", 7, "n")
	if d.state("a").Version != at.version {
		t.Fatal("the version is not that of the reset")
	}
	d.foreign("a", set(10, "x")) // shows the gap
	d.sync()
	d.expect("1 ok")
	d.sees("a", 10, "x")
}

func TestPiecesDoNotOutliveTheirSession(t *testing.T) {
	d := newDesk(t)
	o := pieces(d)
	d.connect()
	d.core.Open("a")
	d.send()
	d.untilLast()
	rest := d.link.toClient
	d.cut()
	d.connect()
	d.take(rest[0]) // as if it came late
	if _, ok := d.core.State("a"); ok {
		t.Fatal("a piece of an earlier session was taken")
	}
	d.sync()
	if s := d.state("a"); string(s.Root.Value()) != string(o.root.Value()) {
		t.Fatalf("it is %x", s.Root.Value())
	}
}

func TestClosedAmongPieces(t *testing.T) {
	d := newDesk(t)
	pieces(d)
	d.connect()
	d.core.Open("a")
	d.send()
	d.untilLast()
	d.core.Close("a")
	d.core.Open("a")
	d.sync()
	d.sees("a", 1, "x")
	if kinds := d.core.Next(); kinds != nil {
		t.Fatal("it goes on sending")
	}
}

func TestPiecesOnlySetAndInsert(t *testing.T) {
	for _, w := range []txn.Write{
		{Op: txn.OpDelete, Path: tree.Path{"x"}},
		{Op: txn.OpAdd, Path: tree.Path{"x"}, Value: codec.AppendInt(nil, 1)},
		{Op: txn.OpInsert, Path: tree.Path{"m"}, ID: "i", Place: tree.Place{Where: tree.Last}, Value: codec.AppendInt(nil, 1)}, // m is a map
	} {
		d := newDesk(t)
		pieces(d)
		d.connect()
		d.core.Open("a")
		d.send()
		d.untilLast()
		b := codec.AppendBool(codec.AppendString(frame(kindPiece, theLog, 3), "a"), true)
		f, _ := parse(txn.AppendWrites(b, []txn.Write{{Op: txn.OpSet, Path: tree.Path{"m"}, Value: codec.AppendMap(nil, 0)}, w}))
		if err := d.core.Receive(f); err == nil {
			t.Fatalf("a piece with %+v was taken", w)
		}
	}
}

// TestPiecesWithoutEnd are not collected without end: the object is given up, and the server told.
func TestPiecesWithoutEnd(t *testing.T) {
	for _, before := range []bool{false, true} {
		d := newDesk(t)
		d.core.collect = 1000
		d.connect()
		if before {
			d.open("a")
			d.core.Events()
		}
		d.foreign("a", func(t *draft) {
			for _, key := range []string{"x", "y", "z"} {
				t.write(txn.Write{Op: txn.OpSet, Path: tree.Path{key}, Value: codec.AppendBytes(nil, make([]byte, 500))})
			}
		})
		d.link.toClient = nil
		d.server.cut, d.server.forget = 100, 100
		want := Refused
		if before {
			d.server.reset(d.link, "a")
			want = Ended
		} else {
			d.core.Open("a")
		}
		d.sync()
		e := d.core.Events()
		e = slices.DeleteFunc(e, func(e Event) bool { return e.Kind == Steady })
		if len(e) != 1 || e[0].Kind != want || e[0].Err.Reason != reason.TooLarge || d.link.open["a"] {
			t.Fatalf("events %+v", e)
		}
	}
}
