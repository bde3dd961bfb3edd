package pubsub

import (
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

// resumes reads the resume point of a subscribe frame.
func resumes(t *testing.T, frame []byte) Position {
	t.Helper()
	f := parse(frame)
	f.Body.Skip()
	var p Position
	if err := codec.Unmarshal(f.Body.Raw(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// An answer of another epoch moves the position before the gap that tells so. A connection that is lost between the two
// must not hide the gap: the client asks with the old resume point until it was told.
func TestTheGapOfANewEpochSurvivesALostConnection(t *testing.T) {
	c := NewClient(nil)
	l := &link{client: c, calls: make(map[int64]*call)}
	w := c.addTestWire("a.b", asked)
	w.opts.from = &Position{Log: "log", Epoch: "old", Offset: 5}
	send := func(kind int, elements ...any) {
		t.Helper()
		if err := l.Receive(parse(frameOf(kind, append([]any{1}, elements...)...))); err != nil {
			t.Fatal(err)
		}
	}
	again := func() Position {
		w.detached()
		w.state = asked
		return resumes(t, w.subscribeFrame())
	}
	send(kindSubscribed, w.id, "log", "new", 2, true)
	for range 2 { // the second time it is no longer the option that is asked with
		if at := again(); at != (Position{"log", "old", 5}) {
			t.Fatalf("before the gap it resumes from %v", at)
		}
		send(kindSubscribed, w.id, "log", "new", 2, true)
	}
	send(kindGap, w.id, int(EpochChanged), "new", 2, 2, nil)
	if at := again(); at != (Position{"log", "new", 2}) {
		t.Fatalf("behind the gap it resumes from %v", at)
	}
	if got := taken(t, w.sinks[0]); len(got) != 1 {
		t.Errorf("it was told %v, want one gap", got)
	}
}
