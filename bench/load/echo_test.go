package load

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// fakeEcho answers in order; spoil changes the n-th answer.
type fakeEcho struct {
	queue [][]byte
	n     int
	spoil func(n int, b []byte) []byte
}

func (f *fakeEcho) send(b []byte) error {
	f.queue = append(f.queue, append([]byte{}, b...))
	return nil
}

func (f *fakeEcho) receive() ([]byte, error) {
	if len(f.queue) == 0 {
		return nil, errors.New("nothing was sent")
	}
	b := f.queue[0]
	f.queue = f.queue[1:]
	f.n++
	return f.spoil(f.n, b), nil
}

func (f *fakeEcho) close() {}

func TestPump(t *testing.T) {
	good := func(_ int, b []byte) []byte { return b }
	var m Meter
	if err := (pipeline{&fakeEcho{spoil: good}, &fakeEcho{spoil: good}}).Run(5, 64, time.Time{}, &m); err != nil || m.Ops.Load() != 10 {
		t.Errorf("%d operations, %v", m.Ops.Load(), err)
	}
	if m.Took.Count() != 10 {
		t.Errorf("%d of 10 were timed", m.Took.Count())
	}
	bad := func(n int, b []byte) []byte {
		if n == 3 {
			b[0]++
		}
		return b
	}
	if err := (pipeline{&fakeEcho{spoil: bad}}).Run(5, 64, time.Time{}, &m); err == nil || !strings.Contains(err.Error(), "got") {
		t.Errorf("a wrong answer: %v", err)
	}
}

func TestCallers(t *testing.T) {
	var m Meter
	seen := make(chan string, 6)
	err := callers(2, 3, 64, time.Time{}, &m, func(c int, in []byte) ([]byte, error) {
		seen <- string(in)
		return in, nil
	})
	if err != nil || m.Ops.Load() != 6 {
		t.Errorf("%d operations, %v", m.Ops.Load(), err)
	}
	close(seen)
	all := map[string]bool{}
	for s := range seen {
		all[s] = true
		if len(s) != 64 {
			t.Errorf("a payload of %d bytes", len(s))
		}
	}
	if len(all) != 6 {
		t.Errorf("%d different payloads of 6 calls: an answer to another call would not show", len(all))
	}
	err = callers(1, 1, 64, time.Now().Add(time.Hour), &m, func(_ int, in []byte) ([]byte, error) { return in[1:], nil })
	if err == nil {
		t.Error("a wrong answer is not found")
	}
}

func TestQuoted(t *testing.T) {
	if got, err := quoted([]byte(`12["abc"]`), `12["`); string(got) != "abc" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{`13["abc"]`, `12["abc`, `12[""`, ``} {
		if got, err := quoted([]byte(bad), `12["`); err == nil {
			t.Errorf("%q is %q", bad, got)
		}
	}
}
