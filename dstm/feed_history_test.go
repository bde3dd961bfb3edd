package dstm_test

import (
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

func lookFrame(kind int, object string, numbers ...int64) []byte {
	b := transport.AppendHeader(nil, 5+len(numbers), transport.NumberDSTM, kind)
	b = codec.AppendString(codec.AppendInt(codec.AppendString(b, ""), 9), object)
	for _, n := range numbers {
		b = codec.AppendInt(b, n)
	}
	return b
}

// looked reads the head of an answer about history.
func (r *raw) looked(kind int64) codec.Reader {
	r.t.Helper()
	body := r.frame(kind)
	if stream, request, object := body.String(), body.Int(), body.String(); stream != "" || request != 9 || object != "game/1" {
		r.t.Fatalf("%q, request %d, object %q", stream, request, object)
	}
	return body
}

// done reads the end of an answer about history, nil if it went well.
func (r *raw) done() *status.Error {
	r.t.Helper()
	body := r.looked(17)
	if body.Nil() {
		return nil
	}
	return transport.ReadError(&body)
}

// revision reads a revision as version, user, sequence, writes.
func (r *raw) revision() string {
	r.t.Helper()
	body := r.looked(14)
	version := body.Int()
	body.Skip()
	body.Time()
	client, user, sequence := body.Bytes(), body.String(), body.Int()
	writes, _ := codec.ToJSON(nil, body.Raw())
	body.Skip()
	if body.Err() != nil {
		r.t.Fatal(body.Err())
	}
	return fmt.Sprintf("%d by %q %d %v %s", version, user, sequence, codec.Equal(client, make([]byte, 16)), writes)
}

// History tells what a client may read, and nothing without a rule.
func TestHistoryFrames(t *testing.T) {
	n := newHands(t)
	dealer, ann := n.user("dealer"), n.user("ann")
	dealer.commit(dealer.tx("game/1", 0, set(1, "table", "x")))
	dealer.commit(dealer.tx("game/1", 1, set(2, "deck")))
	ann.commit(ann.tx("game/1", 2, set(3, "deck"), set(4, "hands", "ann")))

	ann.send(lookFrame(13, "game/1", 0, 0))
	for _, want := range []string{
		`1 by "dealer" 1 false [[1,["table","x"],1]]`, `2 by "" 0 true []`, `3 by "ann" 1 false [[1,["hands","ann"],4]]`,
	} {
		if got := ann.revision(); got != want {
			t.Errorf("%s in place of %s", got, want)
		}
	}
	if err := ann.done(); err != nil {
		t.Error(err)
	}
	dealer.send(lookFrame(13, "game/1", 1, 2))
	if got := dealer.revision(); got != `2 by "dealer" 2 false [[1,["deck"],2]]` {
		t.Error(got)
	}
	if err := dealer.done(); err != nil {
		t.Error(err)
	}
	for version, want := range map[int64]string{0: `{}`, 2: `{"table":{"x":1}}`, 3: `{"hands":{"ann":4},"table":{"x":1}}`} {
		ann.send(lookFrame(15, "game/1", version))
		body := ann.looked(16)
		body.Skip()
		at := body.Int()
		body.Skip()
		body.Skip()
		if value, _ := codec.ToJSON(nil, body.Raw()); at != version || string(value) != want || !body.Nil() {
			t.Errorf("version %d: %d, %s", version, at, value)
		}
	}
	for _, frame := range [][]byte{lookFrame(15, "game/1", 4), lookFrame(13, "game/1", 0, 9), lookFrame(15, "game/1", -1), lookFrame(13, "game/1", -1, -1)} {
		ann.send(frame)
		if err := ann.done(); err == nil || err.Reason != dstm.ErrHistory || err.Code != status.OutOfRange {
			t.Error(err)
		}
	}
	plain := newNode(t, dstm.NewMemoryLog(), nil, nil).raw(nil)
	for _, frame := range [][]byte{lookFrame(15, "game/1", 0), lookFrame(13, "game/1", 0, 0)} {
		plain.send(frame)
		if err := plain.done(); err == nil || err.Reason != dstm.ErrDenied {
			t.Error(err)
		}
	}
}

// A session has at most four such requests under way, and one that does not read keeps none of them for longer than it lives.
func TestHistoryBackPressure(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: []dstm.Rule{{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll, History: dstm.AllowAll}}}, &transport.ServerOptions{Outbound: 16 << 10})
	w := n.raw(nil)
	for i := range 50 {
		w.commit(w.tx("game/1", uint64(i), set(string(make([]byte, 9000)), "x")))
		w.settled = w.sequence
	}
	gate := make(chan struct{})
	slow := n.rawGated(nil, gate)
	for range 6 {
		slow.send(lookFrame(13, "game/1", 0, 0))
	}
	busy, revisions := 0, 0
	for busy < 2 {
		select {
		case gate <- struct{}{}:
		case f := <-slow.frames:
			outer := codec.NewReader(f, 1)
			body := outer.Array()
			switch body.Int() {
			case 14:
				revisions++
			case 17:
				for range 3 {
					body.Skip()
				}
				if err := transport.ReadError(&body); err.Reason != dstm.ErrBusy {
					t.Fatal(err)
				}
				busy++
			}
		case <-slow.ctx.Done():
			t.Fatal("no answer")
		}
	}
	if revisions >= 4*50 {
		t.Error("nothing was held back")
	}
	// The rest is never read: the session ends with the test, and its goroutines with it.
}

// All sessions of a store together have a bounded number of such requests under way; beyond it they are refused, and live on.
func TestHistoryIsBoundedByStore(t *testing.T) {
	rules := []dstm.Rule{{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll, History: dstm.AllowAll}}
	n, log, release := newColdNode(t, &dstm.StoreOptions{MaxHistory: 2, Rules: rules})
	ask := func(r *raw) { r.send(lookFrame(15, "cold", 0)) }
	var asking []*raw
	for range 2 {
		r := n.raw(nil)
		ask(r)
		<-log.asked // it is under way
		asking = append(asking, r)
	}
	third := n.raw(nil)
	ask(third)
	body := third.frame(17)
	for range 3 {
		body.Skip()
	}
	if err := transport.ReadError(&body); err.Reason != dstm.ErrBusy || err.Code != status.ResourceExhausted {
		t.Error(err)
	}
	release()
	for _, r := range asking {
		r.frame(16)
	}
	third.want(third.commit(third.tx("hot", 0, set(1, "x"))), "1 [1]")
	for kind := int64(0); kind != 16; { // the others may be about to end
		ask(third)
		outer := codec.NewReader(<-third.frames, 1)
		body := outer.Array()
		kind = body.Int()
	}
}
