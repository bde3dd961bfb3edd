package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

// settle waits until nobody writes to s.
func settle(s *Session) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	for s.out.writing {
		s.out.waitIdle()
	}
}

// One that sends, waits for the answer and sends again needs no writer goroutine.
func TestSendIsItsOwnWriter(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		p, answers := collector("echo", 1)
		s := w.client(nil, p).Session()
		settle(s)
		writers := 0
		s.writeFn = func() { writers++; s.write() }
		for n := range 50 {
			if err := s.Send(context.Background(), frameOf(16, 1, integer(1), integer(int64(n)))); err != nil {
				t.Fatal(err)
			}
			within(t, answers)
		}
		settle(s)
		if writers > 0 {
			t.Errorf("%d writers were started", writers)
		}
	}, echo)
}

// A peer that does not read keeps no caller of Send, and misses nothing once it does read: also what had
// left only in part.
func TestSendDoesNotHang(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		read, arrived := make(chan struct{}), make(chan int64, 1<<16)
		w.server.patterns[0].(*probe).receive = func(_ *Session, f Frame) error {
			<-read
			n := f.Body.Int()
			if want := bytes.Repeat([]byte{byte(n)}, 10_000); !bytes.Equal(f.Body.Bytes(), want) {
				n = -1
			}
			arrived <- n
			return nil
		}
		opts := w.options()
		opts.Outbound = 64 << 10
		s := w.client(opts, &probe{name: "echo"}).Session()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		refused := make(chan int64)
		go func() {
			for n := int64(0); ; n++ {
				f := AppendHeader(nil, 5, 16, 1)
				f = codec.AppendInt(codec.AppendInt(f, 0), n)
				f = codec.AppendBytes(f, bytes.Repeat([]byte{byte(n)}, 10_000))
				// It goes through as long as there is room, which a message that is being written may make at any time: only
				// when this has been refused in a row is one likely to be stuck in the middle.
				for tries := 0; ; tries++ {
					err := s.Send(ctx, f)
					if err == nil {
						break
					}
					if !errors.Is(err, context.Canceled) {
						t.Errorf("Send with a queue that is full: %v", err)
					}
					if tries == 3 {
						refused <- n
						return
					}
				}
			}
		}()
		sent := within(t, refused)
		close(read)
		for want := range sent {
			if n := within(t, arrived); n != want {
				t.Fatalf("frame %d in place of %d", n, want)
			}
		}
	}, func() *probe { return &probe{name: "echo"} })
}

// While a pong is written, which may wait, nothing is tried; what was to be written is not lost.
func TestTryWriteDuringPong(t *testing.T) {
	w := newWorld(t, true, false, nil, echo())
	s := w.client(nil, &probe{name: "echo"}).Session()
	c := s.conn.(*wsConn)
	if s.try == nil {
		t.Skip("not on this system")
	}
	settle(s)
	c.tap.writing.Lock()
	msg := newBuffer(100)
	msg.b = append(msg.b, frameOf(16, 1, integer(1), text("a"))...)
	framed := msg.framed(false, true)
	n, err := s.try.tryWrite(framed)
	c.tap.writing.Unlock()
	if n != 0 || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if err := s.try.finish(framed); err != nil {
		t.Fatal(err)
	}
}

// TLS may write by itself, and wait: nothing is tried on it.
func TestNoTryOverOther(t *testing.T) {
	w := newWorld(t, true, false, nil, echo())
	p := w.rawOpen("echo")
	c := p.conn.(*wsConn)
	socket := c.tap
	c.tap = newTap(socket) // as if something lay before the socket
	if one, _ := triesWriting(c); one != nil {
		t.Error("it would write to a connection that is not a socket")
	}
	c.tap = newTap(socket.Conn) // as if TLS lay above it
	if one, _ := triesWriting(c); one != nil {
		t.Error("it would go around what lies above the socket")
	}
}

// BenchmarkSend measures one frame and its answer, written by the caller itself and by a
// writer goroutine.
func BenchmarkSend(b *testing.B) {
	for _, direct := range []bool{true, false} {
		b.Run(fmt.Sprintf("direct=%v", direct), func(b *testing.B) {
			w := newWorld(b, true, false, nil, echo())
			answers := make(chan struct{}, 1)
			s := w.client(nil, &probe{name: "echo", receive: func(*Session, Frame) error {
				answers <- struct{}{}
				return nil
			}}).Session()
			f := frameOf(16, 1, integer(1), text("hello"))
			b.ReportAllocs()
			for b.Loop() {
				if err := s.trySend(f, direct); err != nil {
					b.Fatal(err)
				}
				<-answers
			}
		})
	}
}

// Frames that come together wake those who send together: the first of them waits for the others. One alone does not.
func TestExpectCrowd(t *testing.T) {
	w := newWorld(t, true, false, nil, echo())
	s := w.client(nil, &probe{name: "echo"}).Session()
	one := frameOf(16, 2, integer(1), text("a"))
	for _, c := range []struct {
		message []byte
		want    bool
	}{{one, false}, {append(append([]byte(nil), one...), one...), true}} {
		s.receive(c.message)
		s.out.mu.Lock()
		got := s.out.crowded
		s.out.mu.Unlock()
		if got != c.want {
			t.Errorf("crowded %v after %d bytes", got, len(c.message))
		}
	}
}
