package replica

import (
	"slices"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// told are the versions and reasons that answers told since the last call; a state's version is negative.
func (d *desk) told() (out []int) {
	for _, e := range d.core.Events() {
		switch {
		case e.Kind == Revised:
			out = append(out, int(e.Revision.Version))
		case e.Kind == Recalled:
			out = append(out, -int(e.Version))
		case e.Kind == Answered && e.Err == nil:
			out = append(out, 0)
		case e.Kind == Answered:
			out = append(out, 1000+int(e.Err.Code))
		}
	}
	return out
}

func (d *desk) tells(want ...int) {
	d.t.Helper()
	if got := d.told(); !slices.Equal(got, want) {
		d.t.Fatalf("told %v, want %v", got, want)
	}
}

func TestHistory(t *testing.T) {
	d := newDesk(t)
	for i := range 4 {
		d.foreign("a", set(int64(i), "x"))
	}
	d.core.History("a", 1, 3) // waits for a session
	d.connect()
	d.sync()
	d.tells(2, 3, 0)
	d.core.History("a", 0, 0)
	d.core.At("a", 3)
	d.sync()
	d.tells(1, 2, 3, 4, 0, -3)
	d.core.At("a", 9)
	d.core.History("a", 3, 7)
	d.sync()
	d.tells(1000+int(status.OutOfRange), 1000+int(status.OutOfRange))
}

func TestAtMostFourQuestions(t *testing.T) {
	d := newDesk(t)
	d.foreign("a", set(1, "x"))
	d.connect()
	for range 9 {
		d.core.At("a", 1)
	}
	d.core.Open("b")
	if kinds := d.send(); !slices.Equal(kinds, []int{kindOpen, kindAt, kindAt, kindAt, kindAt}) {
		t.Fatalf("sent %v", kinds)
	}
	d.sync()
	if n := len(d.told()); n != 9 {
		t.Fatalf("%d answers", n)
	}
}

func TestQuestionsEndWithTheirSession(t *testing.T) {
	d := newDesk(t)
	d.foreign("a", set(1, "x"))
	d.connect()
	d.core.History("a", 0, 1) // not sent
	d.cut()
	d.tells()
	d.connect()
	d.sync()
	d.tells(1, 0)
	asked := d.core.At("a", 1)
	d.send()
	forgotten := d.core.At("a", 1)
	d.send()
	d.core.Forget(forgotten)
	d.cut()
	d.tells(1000 + int(status.Unavailable))
	d.connect()
	d.sync()
	d.tells()
	if len(d.core.questions) > 0 || asked == forgotten {
		t.Fatal("it is still asked")
	}
}

func TestForget(t *testing.T) {
	d := newDesk(t)
	d.foreign("a", set(1, "x"))
	unsent := d.core.History("a", 0, 1)
	d.core.Forget(unsent)
	d.connect()
	sent := d.core.History("a", 0, 1)
	d.send()
	d.core.Forget(sent)
	d.core.Forget(sent)
	d.core.Forget(77)
	d.sync()
	d.tells()
	if len(d.core.questions) > 0 {
		t.Fatal("a question is kept for ever")
	}
}

// TestAnswersThatNobodyAskedFor end the session, or are ignored where they may be late.
func TestAnswersThatNobodyAskedFor(t *testing.T) {
	revision := func(request int64, version int64) []byte {
		b := codec.AppendInt(frame(kindRevision, "", 10), request)
		b = codec.AppendString(b, "a")
		b = codec.AppendInt(b, version)
		b = codec.AppendInt(b, version)
		b = codec.AppendTime(b, time.Unix(1, 0))
		b = codec.AppendBytes(b, make([]byte, 16))
		b = codec.AppendString(b, "")
		b = codec.AppendInt(b, 1)
		return codec.AppendNil(codec.AppendArray(b, 0))
	}
	for _, c := range []struct {
		frames []int64 // versions of revisions for the request of versions 3 to 5
		bad    bool
	}{{[]int64{3, 4, 5}, false}, {[]int64{4}, false}, {[]int64{2}, true}, {[]int64{3, 3}, true}, {[]int64{4, 3}, true}, {[]int64{6}, true}} {
		d := newDesk(t)
		d.connect()
		request := d.core.History("a", 2, 5)
		d.core.Next()
		d.core.Sent()
		d.take(revision(int64(request)+1, 9))
		var err error
		for _, v := range c.frames {
			f, _ := parse(revision(int64(request), v))
			err = d.core.Receive(f)
		}
		if (err != nil) != c.bad {
			t.Fatalf("versions %v: %v", c.frames, err)
		}
	}
	d := newDesk(t)
	d.connect()
	request := int64(d.core.At("a", 2))
	d.core.Next()
	d.core.Sent()
	b := transport.AppendError(codec.AppendString(codec.AppendInt(frame(kindDone, "", 3), request), "b"), status.New(status.OutOfRange, reason.History, "no"))
	d.take(b) // about another object
	d.tells()
	f, _ := parse(codec.AppendNil(codec.AppendString(codec.AppendInt(frame(kindDone, "", 3), request), "a")))
	if d.core.Receive(f) == nil {
		t.Fatal("a success without a state was taken")
	}
}
