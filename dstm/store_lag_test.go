package dstm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/transport"
)

// laggard reads a connection's frames by hand and keeps up a replica of the versions.
type laggard struct {
	versions map[string]uint64
	changes  int
	resets   int
	answers  []uint64
}

func (l *laggard) take(t *testing.T, f []byte) {
	t.Helper()
	outer := codec.NewReader(f, 1)
	body := outer.Array()
	kind := body.Int()
	body.Skip()
	switch kind {
	case 2:
		body.Skip()
		s := readState(&body, false)
		l.versions[s.object] = s.version
	case 4:
		s := readState(&body, true)
		if s.version < l.versions[s.object] {
			t.Fatalf("a reset back to %d from %d", s.version, l.versions[s.object])
		}
		l.versions[s.object] = s.version
		l.resets++
	case 10:
		body.Skip()
		body.Skip()
		body.Skip()
		body.Skip()
		body.Skip()
		for parts := body.Array(); parts.Len() > 0; {
			p := parts.Array()
			name, version := p.String(), uint64(p.Int())
			if version != l.versions[name]+1 {
				t.Fatalf("version %d of %q behind %d", version, name, l.versions[name])
			}
			l.versions[name] = version
		}
		l.changes++
	case 8:
		sequence := uint64(body.Int())
		body.Skip()
		versions := body.Array()
		if v := uint64(versions.Int()); v > l.versions["mine"] {
			t.Fatalf("the answer for version %d came at %d", v, l.versions["mine"])
		}
		l.answers = append(l.answers, sequence)
	default:
		t.Fatalf("a frame of kind %d", kind)
	}
}

// A client that does not read for a while costs the server little, misses nothing that the ring holds, gets
// a snapshot of what it does not, and holds nobody up.
func TestLaggard(t *testing.T) {
	for _, c := range []struct {
		name   string
		recent int
		resets bool
	}{{"within the ring", 64 << 20, false}, {"beyond the ring", 64 << 10, true}} {
		t.Run(c.name, func(t *testing.T) {
			n := newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Recent: c.recent}, &transport.ServerOptions{Outbound: 64 << 10})
			gate := make(chan struct{})
			slow, fast := n.rawGated(nil, gate), n.raw(nil)
			l := &laggard{versions: map[string]uint64{}}
			for _, name := range []string{"mine", "big", "small"} {
				slow.send(slow.openFrame(7, name, nil))
				gate <- struct{}{}
				l.take(t, <-slow.frames)
				fast.open(name, nil)
			}
			text := strings.Repeat("x", 20_000)
			const rounds = 300
			for i := range rounds {
				if i%15 == 0 { // its transactions are decided all the same
					slow.send(slow.commitFrame(slow.tx("mine", 0, set(1, "x"))))
				}
				if i == rounds/2 { // and it opens more
					slow.send(slow.openFrame(7, "late", &resume{n.store.Epoch(), 0, 0, make([]byte, 8)}))
					slow.send(slow.openFrame(7, "later", nil))
				}
				for _, name := range []string{"big", "small", "late", "later"} {
					value := any(i)
					if name == "big" {
						value = text
					}
					if a := fast.commit(fast.tx(name, uint64(i), set(value, "x"))); a.err != nil || a.versions[0] != uint64(i+1) {
						t.Fatal(a, a.err)
					}
					fast.settled = fast.sequence
				}
			}
			behind := func() bool {
				for _, name := range []string{"big", "small", "late", "later"} {
					if l.versions[name] < rounds {
						return true
					}
				}
				return len(l.answers) < rounds/15
			}
			for behind() {
				select {
				case gate <- struct{}{}:
				case f := <-slow.frames:
					l.take(t, f)
				case <-slow.ctx.Done():
					t.Fatalf("stuck at %v with %d answers", l.versions, len(l.answers))
				}
			}
			if (l.resets > 0) != c.resets || !c.resets && l.changes < 2*rounds+rounds/15 { // what opens late may get a snapshot
				t.Errorf("%d resets and %d changes", l.resets, l.changes)
			}
			for i, sequence := range l.answers {
				if sequence != uint64(i+1) {
					t.Fatalf("answers %v", l.answers)
				}
			}
		})
	}
}

// A snapshot larger than what may be queued, and than any frame, comes in pieces; only a single value can be
// larger than a client accepts.
func TestLargeObjects(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, &transport.ServerOptions{Outbound: 64 << 10})
	w := n.raw(nil)
	for i := range 10 {
		w.commit(w.tx("large", uint64(i), set(strings.Repeat("x", 100_000), fmt.Sprint(i))))
	}
	slow := n.raw(&transport.ClientOptions{MaxFrame: 150_000, MaxMessage: 150_000})
	if s := slow.open("large", nil); s.object != "large" || string(s.snapshot) != "\x80" || s.version != 10 || s.flags != 2 {
		t.Fatalf("%s at %d, %d bytes, flags %d", s.object, s.version, len(s.snapshot), s.flags)
	}
	root, count := slow.pieces("large")
	if root.Len() != 10 || root.Size() < 1_000_000 || count < 10 {
		t.Fatalf("%d values of %d bytes in %d pieces", root.Len(), root.Size(), count)
	}
	slow.open("other", nil)
	w.open("other", nil)
	w.commit(w.tx("other", 0, set(1, "x")))
	slow.changed("[other@1]")

	small := n.raw(&transport.ClientOptions{MaxFrame: 50_000, MaxMessage: 50_000})
	small.open("large", nil)
	body := small.frame(6)
	body.Skip()
	if name, err := body.String(), transport.ReadError(&body); name != "large" || err.Reason != dstm.ErrTooLarge {
		t.Fatal(name, err)
	}
	// A change that is too large takes the object away, and only that.
	small.open("other", nil)
	w.send(w.commitFrame(w.tx("other", 1, set(strings.Repeat("x", 100_000), "y"))))
	body = small.frame(6)
	body.Skip()
	if name, err := body.String(), transport.ReadError(&body); name != "other" || err.Reason != dstm.ErrTooLarge {
		t.Fatal(name, err)
	}
	small.open("fine", nil)
	w.commit(w.tx("fine", 0, set(1, "x")))
	small.changed("[fine@1]")
}

// A resume point is refused politely while the queue is full, and a client that floods is stopped.
func TestFlood(t *testing.T) {
	log := &faultyLog{Log: dstm.NewMemoryLog()}
	n := newNode(t, log, &dstm.StoreOptions{QueueLength: 10}, nil)
	entered, release := make(chan struct{}), make(chan struct{})
	log.hook(func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error) {
		if attempt == 1 {
			close(entered)
			<-release
		}
		return next()
	})
	r := n.raw(nil)
	r.send(r.commitFrame(r.tx("o", 0, set(0, "x"))))
	<-entered
	for range 12 { // ten wait, two do not fit
		r.send(r.commitFrame(r.tx("o", 0, set(0, "x"))))
	}
	r.want(r.answer(false), "12 dstm.busy ")
	r.want(r.answer(false), "13 dstm.busy ")
	ahead := n.raw(nil)
	ahead.send(ahead.openFrame(7, "o", &resume{n.store.Epoch(), 1, 1000, make([]byte, 8)}))
	body := ahead.frame(3)
	for range 3 {
		body.Skip()
	}
	if err := transport.ReadError(&body); err.Reason != dstm.ErrBusy {
		t.Fatal(err)
	}
	// What was sent before has room yet, and then an honest answer is impossible: the session ends.
	other := n.raw(nil)
	for range 11 {
		tx := other.tx("o", 0, set(0, "x"))
		tx.Again = true
		if s := other.conn.Session(); s != nil {
			s.TrySend(other.commitFrame(tx))
		}
	}
	if reason := other.dead(); reason != "transport.overloaded" {
		t.Errorf("ended with %s", reason)
	}
	close(release)
	for i := range uint64(11) {
		r.want(r.answer(false), fmt.Sprintf("%d [%d]", i+1, i+1))
	}
	r.silent()
	if v := n.headOf("o"); v != 21 {
		t.Errorf("%d of 10 that were sent before were taken", v-11)
	}
}

// More than 64 unanswered transactions are not taken.
func TestUnanswered(t *testing.T) {
	log := &faultyLog{Log: dstm.NewMemoryLog()}
	n := newNode(t, log, nil, nil)
	entered, release := make(chan struct{}), make(chan struct{})
	log.hook(func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error) {
		if attempt == 1 {
			close(entered)
			<-release
		}
		return next()
	})
	r := n.raw(nil)
	for i := range 65 {
		r.send(r.commitFrame(r.tx("o", 0, set(0, "x"))))
		if i == 0 {
			<-entered
		}
	}
	r.want(r.answer(false), "65 dstm.busy ")
	close(release)
	for i := range uint64(64) {
		r.want(r.answer(false), fmt.Sprintf("%d [%d]", i+1, i+1))
	}
	r.want(r.commit(r.tx("o", 0, set(0, "x"))), "66 dstm.busy ") // nothing is settled yet
	r.settled = 64
	r.want(r.commit(r.tx("o", 0, set(0, "x"))), "67 [65]")
}
