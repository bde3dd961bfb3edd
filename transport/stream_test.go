package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

// Frames of one stream arrive in order whatever their sizes, and whole.
func TestOrderAcrossChunks(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	type item struct {
		stream string
		n      int64
		sum    byte
		size   int
	}
	parse := func(f Frame) item {
		name, _ := f.StreamText()
		n := f.Body.Int()
		b := f.Body.Bytes()
		it := item{name, n, 0, len(b)}
		for _, x := range b {
			it.sum += x
		}
		return it
	}
	everywhere(t, &ServerOptions{MaxMessage: 20_000, MaxPartial: 4 << 20}, func(t *testing.T, w *world) {
		r := rand.New(rand.NewPCG(seed, 1))
		got := make(chan item, 1000)
		w.server.patterns[0].(*probe).receive = func(_ *Session, f Frame) error {
			got <- parse(f)
			return nil
		}
		c := w.client(nil, &probe{name: "seq"})
		s := c.Session()
		next := map[string]int64{}
		want := map[string][]item{}
		const total = 300 / slow
		for range total {
			name := string(rune('a' + r.IntN(4)))
			size := r.IntN(200)
			if r.IntN(8) == 0 {
				size = 10_000 + r.IntN(300_000/slow)
			}
			b := make([]byte, size)
			var sum byte
			for i := range b {
				b[i] = byte(i) * 3
				sum += b[i]
			}
			next[name]++
			want[name] = append(want[name], item{name, next[name], sum, size})
			f := AppendHeader(nil, 5, 16, 1)
			f = codec.AppendString(f, name)
			f = codec.AppendInt(f, next[name])
			f = codec.AppendBytes(f, b)
			if err := s.Send(context.Background(), f); err != nil {
				t.Fatal(err)
			}
		}
		for range total {
			it := within(t, got)
			if w := want[it.stream][0]; w != it {
				t.Fatalf("stream %s: got %+v, want %+v", it.stream, it, w)
			}
			want[it.stream] = want[it.stream][1:]
		}
	}, func() *probe { return &probe{name: "seq"} })
}

// A small frame of another stream, and a heartbeat, overtake four megabytes.
func TestSmallOvertakesLarge(t *testing.T) {
	everywhere(t, &ServerOptions{MaxFrame: 8 << 20}, func(t *testing.T, w *world) {
		var g *gate
		opts := w.options()
		opts.Outbound = 16 << 20
		opts.Dialer = wrapped(w.dialer, func(c Conn) Conn { g = newGate(c); return g })
		p := &probe{name: "echo"}
		c := w.client(opts, p)
		s := c.Session()
		arrived := make(chan string, 10)
		w.server.patterns[0].(*probe).receive = func(_ *Session, f Frame) error {
			name, _ := f.StreamText()
			arrived <- name
			return nil
		}
		g.set(func(g *gate) { g.noWrites = true })
		large := make([]byte, 4<<20/slow)
		for _, f := range [][]byte{
			frameOf(16, 1, text("large"), codec.AppendBytes(nil, large)),
			frameOf(16, 1, text("large"), integer(1)), // behind it
			frameOf(16, 1, text("small"), integer(1)),
		} {
			if err := s.TrySend(f); err != nil {
				t.Fatal(err)
			}
		}
		g.set(func(g *gate) { g.noWrites = false })
		for i, want := range []string{"small", "large", "large"} {
			if name := within(t, arrived); name != want {
				t.Fatalf("arrived as number %d: %s", i, name)
			}
		}
	}, echo)
}

// Two large frames share the way: the shorter one does not wait for the longer.
func TestLargeFramesTakeTurns(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		arrived := make(chan string, 10)
		w.server.patterns[0].(*probe).receive = func(_ *Session, f Frame) error {
			name, _ := f.StreamText()
			arrived <- name
			return nil
		}
		opts := w.options()
		opts.Outbound = 16 << 20
		var g *gate
		opts.Dialer = wrapped(w.dialer, func(c Conn) Conn { g = newGate(c); return g })
		c := w.client(opts, &probe{name: "echo"})
		g.set(func(g *gate) { g.noWrites = true })
		for name, size := range map[string]int{"long": 2 << 20 / slow, "short": 100 << 10 / slow} {
			if err := c.Session().TrySend(frameOf(16, 1, text(name), codec.AppendBytes(nil, make([]byte, size)))); err != nil {
				t.Fatal(err)
			}
		}
		g.set(func(g *gate) { g.noWrites = false })
		if name := within(t, arrived); name != "short" {
			t.Fatalf("%s came first", name)
		}
		within(t, arrived)
	}, echo)
}

// Ten thousand frames each way, as fast as they can be queued.
func TestManyFrames(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		const total = 10_000
		done := make(chan error, 1)
		var next int64
		p := &probe{name: "echo", receive: func(_ *Session, f Frame) error {
			n := f.Body.Int()
			if next++; n != next {
				done <- fmt.Errorf("got %d in place of %d", n, next)
			} else if n == total {
				done <- nil
			}
			return nil
		}}
		c := w.client(nil, p)
		s := c.Session()
		for n := range int64(total) {
			if err := s.Send(context.Background(), frameOf(16, 1, integer(1), integer(n+1))); err != nil {
				t.Fatal(err)
			}
		}
		if err := within(t, done); err != nil {
			t.Fatal(err)
		}
	}, func() *probe {
		// The answers need more room than the client's budget has: they wait in a queue of their own.
		p := echo()
		var queue [][]byte
		var drain func(s *Session)
		drain = func(s *Session) {
			p.mu.Lock()
			defer p.mu.Unlock()
			for len(queue) > 0 {
				if s.TrySend(queue[0]) != nil {
					s.AfterDrain(func() { drain(s) })
					return
				}
				queue = queue[1:]
			}
		}
		p.receive = func(s *Session, f Frame) error {
			p.mu.Lock()
			queue = append(queue, frameOf(16, 2, f.Stream, f.Body.Rest()))
			p.mu.Unlock()
			drain(s)
			return nil
		}
		return p
	})
}

// Two ends that send each other more than all buffers hold do not stop.
func TestBothWaysAtOnce(t *testing.T) {
	const frames, size = 160 / slow, 32 << 10 // 5 MiB each way
	everywhere(t, nil, func(t *testing.T, w *world) {
		count := func(done chan struct{}) func(*Session, Frame) error {
			n := 0
			return func(*Session, Frame) error {
				if n++; n == frames {
					close(done)
				}
				return nil
			}
		}
		atServer, atClient := make(chan struct{}), make(chan struct{})
		w.server.patterns[0].(*probe).receive = count(atServer)
		c := w.client(nil, &probe{name: "echo", receive: count(atClient)})
		f := frameOf(16, 1, integer(1), codec.AppendBytes(nil, make([]byte, size)))
		errs := make(chan error, 2)
		for _, s := range []*Session{c.Session(), w.server.Client(c.ID())} {
			go func() {
				for range frames {
					if err := s.Send(context.Background(), f); err != nil {
						errs <- err
						return
					}
				}
				errs <- nil
			}()
		}
		for range 2 {
			if err := within(t, errs); err != nil {
				t.Fatal(err)
			}
		}
		for _, ch := range []chan struct{}{atServer, atClient} {
			select {
			case <-ch:
			case <-time.After(20 * time.Second):
				t.Fatal("it stopped")
			}
		}
	}, echo)
}

// A frame that the peer would not take is refused here, with a reason.
func TestFrameTooLarge(t *testing.T) {
	everywhere(t, &ServerOptions{MaxFrame: 100_000, MaxPartial: 100_000}, func(t *testing.T, w *world) {
		c := w.client(nil, &probe{name: "echo"})
		err := c.Session().TrySend(frameOf(16, 1, integer(1), codec.AppendBytes(nil, make([]byte, 100_000))))
		var e *status.Error
		if !errors.Is(err, ErrFrameTooLarge) || !errors.Is(err, status.ResourceExhausted) || !errors.As(err, &e) {
			t.Fatalf("TrySend = %v", err)
		}
		if c.Session().MaxFrame() != 100_000 {
			t.Fatalf("MaxFrame = %d", c.Session().MaxFrame())
		}
		if c.Session() == nil {
			t.Fatal("the session ended")
		}
	}, echo)
}

// The budget bounds what is queued; a frame beyond it is accepted alone.
func TestBudget(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		var g *gate
		opts := w.options()
		opts.Outbound = 100_000
		opts.Dialer = wrapped(w.dialer, func(c Conn) Conn { g = newGate(c); return g })
		c := w.client(opts, &probe{name: "echo"})
		s := c.Session()
		got := make(chan int, 100)
		w.server.patterns[0].(*probe).receive = func(_ *Session, f Frame) error { got <- len(f.Body.Rest()); return nil }
		f := func(n int) []byte { return frameOf(16, 1, integer(1), text(string(bytes.Repeat([]byte("x"), n)))) }
		for queued := 1; queued > 0; time.Sleep(time.Millisecond) { // hello counts until its write has returned
			s.out.mu.Lock()
			queued = s.out.size
			s.out.mu.Unlock()
		}
		g.set(func(g *gate) { g.noWrites = true })
		if err := s.TrySend(f(500_000)); err != nil {
			t.Fatalf("a frame beyond the budget, alone: %v", err)
		}
		if err := s.TrySend(f(1)); !errors.Is(err, ErrFull) || !errors.Is(err, status.ResourceExhausted) {
			t.Fatalf("behind it: %v", err)
		}
		short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if err := s.Send(short, f(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Send with a deadline: %v", err)
		}
		drained, sent := make(chan struct{}), make(chan error, 1)
		s.AfterDrain(func() { close(drained) })
		go func() { sent <- s.Send(context.Background(), f(90_000)) }()
		g.set(func(g *gate) { g.noWrites = false })
		within(t, got)
		if err := within(t, sent); err != nil {
			t.Fatal(err)
		}
		within(t, got)
		<-drained
		again := make(chan struct{})
		s.AfterDrain(func() { close(again) })
		<-again
	}, echo)
}

// A peer that does not read ends with slow_consumer or heartbeat, and holds up
// nobody: not even who sends to it. The clock is the test's, so that a machine that is busy makes nobody else seem dead.
func TestSlowConsumer(t *testing.T) {
	const heartbeat = time.Hour
	everywhere(t, &ServerOptions{Outbound: 256 << 10, Heartbeat: heartbeat}, func(t *testing.T, w *world) {
		w.halfWithRace(t)
		lazy := w.rawOpen("echo") // reads no more
		stop, quit := make(chan struct{}), make(chan struct{})
		go func() { // it writes, so it is not silent
			defer close(stop)
			for {
				select {
				case <-quit:
					return
				case <-time.After(10 * time.Millisecond):
				}
				if lazy.conn.Write(lazy.encode(appendPing(nil, kindPong, 1))) != nil {
					return
				}
			}
		}()
		defer func() { close(quit); lazy.conn.Close(); <-stop }()
		p, ch := collector("echo", 100)
		beside := w.client(nil, p)
		var list []*Session
		for s := range w.server.Sessions() {
			list = append(list, s)
		}
		if len(list) != 2 {
			t.Fatalf("%d sessions", len(list))
		}
		f := NewShared(frameOf(16, 1, integer(1), text(string(bytes.Repeat([]byte("x"), 60_000)))))
		sick := list[0]
		if sick.Client() == beside.ID() {
			sick = list[1]
		}
		healthy := beside.Session().Context()
		refused := map[*Session]error{}
		for sick.Err() == nil { // until the network's buffers are full, and it has had two intervals for one message
			Broadcast(list, f, func(s *Session, err error) {
				if refused[s] == nil {
					refused[s] = err
				}
			})
			select {
			case <-ch:
			case <-healthy.Done():
				t.Fatalf("the session beside ended: %v", context.Cause(healthy))
			case <-time.After(time.Minute):
				t.Fatalf("nothing came to the session beside: %v, %v", beside.State(), refused)
			}
			if refused[sick] == nil {
				continue
			}
			// If that message goes meanwhile, after all, the look finds another one on its way, and ends nothing.
			if from := sick.writeFrom.Load(); from != 0 && sick.lastRead.Load() > from {
				sick.look(sick.born.Add(2*heartbeat+time.Duration(from)), int64(heartbeat), nil)
			}
			time.Sleep(time.Millisecond) // for what it sends to be read
		}
		if err := refused[sick]; !errors.Is(err, ErrFull) || len(refused) != 1 {
			t.Fatalf("refused by %d sessions, %v", len(refused), err)
		}
		if err := sick.Err(); !errors.Is(err, reasonOf(CloseSlowConsumer)) || !errors.Is(err, ErrClosed) {
			t.Fatalf("ended with %v", err)
		}
		if beside.Session() == nil {
			t.Fatal("the session beside has ended")
		}
	}, echo)
}

// Control frames have a reserve beyond the budget; when that is full too the session
// ends, and only then.
func TestReserve(t *testing.T) {
	everywhere(t, &ServerOptions{Outbound: 4096, Heartbeat: time.Hour}, func(t *testing.T, w *world) {
		w.rawOpen("echo") // reads no more
		var s *Session
		for s = range w.server.Sessions() {
		}
		body := text(string(bytes.Repeat([]byte("x"), 1000)))
		deadline := time.Now().Add(20 * time.Second)
		for full := 0; full < 100; { // until the network's buffers are full
			if s.TrySend(frameOf(16, 1, integer(1), body)) != nil {
				full++
				time.Sleep(time.Millisecond)
			}
			if time.Now().After(deadline) {
				t.Fatal("the network takes everything")
			}
		}
		one := appendPing(nil, kindPing, time.Now().UnixMilli())
		sent := 0
		for ; s.Err() == nil; sent++ {
			s.queueControl(one)
		}
		if !errors.Is(s.Err(), reasonOf(CloseSlowConsumer)) {
			t.Fatalf("ended with %v", s.Err())
		}
		if n := controlReserve / (2 * len(one)); sent < n {
			t.Fatalf("ended after %d control frames of %d bytes", sent, len(one))
		}
		if err := s.TrySend(frameOf(16, 1, integer(1), body)); !errors.Is(err, ErrClosed) {
			t.Fatalf("TrySend afterwards: %v", err)
		}
	}, echo)
}

// A client that asks for pongs and never reads them ends by the sweeper.
func TestPingFlood(t *testing.T) {
	everywhere(t, &ServerOptions{Heartbeat: 100 * time.Millisecond}, func(t *testing.T, w *world) {
		w.halfWithRace(t)
		p := w.rawOpen()
		var many [][]byte
		for range 4000 / min(slow, 4) {
			many = append(many, appendPing(nil, kindPing, time.Now().UnixMilli()))
		}
		var s *Session
		for s = range w.server.Sessions() {
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for p.conn.Write(p.encode(many...)) == nil {
			}
		}()
		select {
		case <-s.Context().Done():
		case <-time.After(20 * time.Second):
			t.Fatal("it was not ended")
		}
		p.conn.Close() // or the session would wait for its grace
		<-ended
	})
}
