package replica

import (
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

func (d *desk) steady(want bool, names ...string) {
	d.t.Helper()
	if d.core.Steady(names) != want {
		d.t.Fatalf("%v: steady is %v", names, !want)
	}
}

func TestSteady(t *testing.T) {
	d := newDesk(t)
	both := []string{"a", "b"}
	d.steady(false, "a")
	d.connect()
	d.core.Open("a")
	d.core.Open("b")
	d.send()
	for d.next() != kindOpened || len(d.link.toClient) > 1 {
		d.steady(false, both...)
	}
	d.core.Events()
	d.next() // the last current
	if e := d.core.Events(); len(e) != 1 || e[0].Kind != Steady || e[0].Log != theLog {
		t.Fatalf("events %+v", e)
	}
	d.steady(true, both...)
	d.foreign("a", set(1, "x"))
	d.receive()
	d.steady(true, both...)
	d.server.reset(d.link, "b")
	d.next()
	d.steady(false, both...)
	d.steady(true, "b") // alone it is always one state
	d.receive()
	d.steady(true, both...)
	d.cut()
	d.steady(true, both...)
	d.connect()
	d.steady(true, both...) // nothing has come yet
	d.send()
	d.next()
	d.steady(false, both...)
	d.receive()
	d.steady(true, both...)
}

// TestNotSteadyBehindAGap: while one object is opened again, nothing spans it.
func TestNotSteadyBehindAGap(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.open("b")
	d.foreign("a", set(1, "x"))
	d.link.toClient = nil
	d.foreign("a", set(2, "x"))
	d.next()
	d.steady(false, "a", "b")
	d.server.current(d.link) // for something else, before the server knows
	d.next()
	d.steady(false, "a", "b")
	d.sync()
	d.steady(true, "a", "b")
}

// TestNotSteadyWithWhatIsLeftBehind: an object that the server has no time for stays where it was.
func TestNotSteadyWithWhatIsLeftBehind(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.open("b")
	d.open("c")
	d.cut()
	d.connect()
	for d.core.Next() != nil { // all three openings are under way
		d.core.Sent()
	}
	for _, name := range []string{"b", "c"} {
		b := codec.AppendInt(frame(kindOpened, theLog, 7), int64(d.core.objects[name].request))
		b = d.server.appendPoint(codec.AppendString(b, name), 0, 0)
		d.take(codec.AppendNil(codec.AppendNil(b)))
	}
	b := codec.AppendInt(frame(kindRefused, "", 3), int64(d.core.objects["a"].request))
	d.take(transport.AppendError(codec.AppendString(b, "a"), status.New(status.Unavailable, reason.Closed, "not now")))
	d.server.current(d.link)
	d.receive()
	d.steady(true, "b", "c")
	d.steady(false, "a", "b")
	d.steady(true, "a")
}
