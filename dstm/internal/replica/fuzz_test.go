package replica

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// FuzzReceive gives a core with an open object, one on its way and unanswered transactions any frames.
func FuzzReceive(f *testing.F) {
	e := entry{position: 1, client: me, sequence: 1, parts: []effect{{object: "a", version: 1}}}
	state := func(b []byte) []byte {
		b = codec.AppendString(b, "e1")
		b = codec.AppendInt(b, 1)
		b = codec.AppendInt(b, 1)
		b = codec.AppendBytes(b, make([]byte, 8))
		b = codec.AppendMap(b, 1)
		b = codec.AppendString(b, "x")
		return codec.AppendInt(b, 7)
	}
	conflict := (&record{err: status.New(status.Aborted, reason.Conflict, "no")}).answer(2)
	committed := (&record{position: 1, versions: []uint64{1}}).answer(1)
	seeds := [][]byte{
		appendChange(&e, func(string) bool { return true }), conflict, committed,
		append(append([]byte{}, committed...), conflict...),
		state(codec.AppendString(codec.AppendInt(frame(kindOpened, theLog, 7), 2), "b")),
		state(codec.AppendString(frame(kindReset, theLog, 6), "a")),
		transport.AppendError(codec.AppendString(frame(kindEnded, theLog, 2), "a"), status.New(status.PermissionDenied, "dstm.denied", "no")),
		transport.AppendError(codec.AppendString(codec.AppendInt(frame(kindRefused, "", 3), 2), "b"), status.New(status.Unavailable, "", "no")),
	}
	insert := txn.Write{Op: txn.OpInsert, Path: tree.Path{"list"}, ID: "i", Place: tree.Place{Where: tree.Last}, Value: codec.AppendInt(nil, 1)}
	e.parts[0].writes = []txn.Write{insert, {Op: txn.OpMove, Path: tree.Path{"list"}, ID: "i", Place: tree.Place{Where: tree.First}}}
	server := newNaive(rand.New(rand.NewPCG(1, 1)))
	server.cut = 100
	server.object("a").root, _, _ = txn.Apply(tree.Node{}, e.parts[0].writes, 1)
	l := &link{readable: map[string][]tree.Path{"b": {{"x"}}}}
	server.reset(l, "a")
	server.reset(l, "b")
	server.tell(l, reader(codec.AppendInt(codec.AppendInt(codec.AppendString(codec.AppendInt(nil, 3), "a"), 0), 0), 4))
	server.recall(l, reader(codec.AppendInt(codec.AppendString(codec.AppendInt(nil, 4), "a"), 0), 3))
	seeds = append(seeds, appendChange(&e, func(string) bool { return true }), slices.Concat(l.toClient...))
	seeds = append(seeds, l.toClient...)
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		d := newDesk(t)
		d.connect()
		d.open("a")
		d.do("a", add(1, "n"))
		d.do("a", set(2, "x"))
		d.core.Open("b")
		d.core.History("a", 0, 0)
		d.core.At("a", 0)
		for d.core.Next() != nil {
			d.core.Sent()
		}
		for len(in) > 0 {
			n, err := codec.Check(in)
			if err != nil {
				break
			}
			if frame, err := parse(in[:n]); err == nil && d.core.Receive(frame) != nil {
				break // the session would end
			}
			in = in[n:]
			if len(d.core.requests) > 2 {
				t.Fatal("frames make the core want to send without bound")
			}
			if s, ok := d.core.State("a"); ok {
				s.Root.Value()
				s.Root.Shape()
			}
			d.core.Steady([]string{"a", "b"})
		}
		d.core.Events()
		d.cut()
		d.core.Connected(me)
		for i := 0; d.core.Next() != nil; i++ {
			d.core.Sent()
			if i > 10 {
				t.Fatal("it never stops sending")
			}
		}
	})
}

// reader reads n values.
func reader(b []byte, n int) *codec.Reader {
	r := codec.NewReader(b, n)
	return &r
}
