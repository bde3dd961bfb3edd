package transport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
)

// cutter is a network connection that breaks after a number of bytes read, in
// the middle of whatever they are.
type cutter struct {
	net.Conn
	left atomic.Int64
}

func (c *cutter) Read(p []byte) (int, error) {
	left := c.left.Load()
	if left <= 0 {
		c.Conn.Close()
		return 0, errors.New("cut")
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	c.left.Add(-int64(n))
	return n, err
}

// counted is a pattern with a resume of its own: the server counts for each client, the
// client says at the beginning of each session how far it has come.
type counted struct {
	seen  atomic.Int64 // the last number, over all sessions
	fault atomic.Pointer[string]
}

func (c *counted) Name() string { return "count" }

func (c *counted) Attach(s *Session) (Receiver, error) {
	if s.Server() {
		return &counting{s: s}, nil
	}
	n, _ := s.Number("count")
	return &countedSession{c, s, n, c.seen.Load()}, s.TrySend(frameOf(n, 1, integer(0), integer(c.seen.Load())))
}

// ahead is how many frames the server sends before it hears of them.
const ahead = 20

// countedSession checks that within a session numbers come one by one.
type countedSession struct {
	*counted
	s      *Session
	number int
	last   int64
}

func (c *countedSession) Receive(f Frame) error {
	n := f.Body.Int()
	if n != c.last+1 {
		fault := fmt.Sprintf("%d after %d", n, c.last)
		c.fault.CompareAndSwap(nil, &fault)
	}
	c.last = n
	c.seen.Store(n)
	if n%ahead == 0 {
		c.s.TrySend(frameOf(c.number, 3, integer(0), integer(n)))
	}
	return nil
}

func (c *countedSession) Close(error) {}

// counting sends on from where the client says it is.
type counting struct {
	s    *Session
	mu   sync.Mutex
	next int64
	most int64
	pad  []byte
}

func (c *counting) Receive(f Frame) error {
	c.mu.Lock()
	c.most = f.Body.Int() + 2*ahead
	if f.Kind == 1 {
		c.next = c.most - 2*ahead + 1
	}
	c.mu.Unlock()
	c.pump()
	return nil
}

func (c *counting) pump() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pad == nil {
		c.pad = make([]byte, 20_000)
	}
	for c.next <= c.most {
		f := AppendHeader(nil, 5, 16, 2)
		f = codec.AppendString(f, "n")
		f = codec.AppendInt(f, c.next)
		size := 100
		if c.next%7 == 0 {
			size = len(c.pad) // in chunks
		}
		if err := c.s.TrySend(codec.AppendBytes(f, c.pad[:size])); err != nil {
			if errors.Is(err, ErrFull) {
				c.s.AfterDrain(c.pump)
			}
			return
		}
		c.next++
	}
}

func (c *counting) Close(error) {}

// Connections cut at random bytes, 2,000 of them: no number is lost, doubled or
// out of order within a session, and no session stays behind.
func TestCutInTheMiddle(t *testing.T) {
	const cuts = 2000 / slow
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for i, json := range []bool{false, true, false, true} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			server := &counted{}
			w := newWorld(t, true, json, &ServerOptions{Outbound: 48 << 10}, server)
			made := 0
			client := &counted{}
			enough := make(chan struct{})
			d := &WebSocketDialer{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				if made++; made == cuts/4+1 {
					close(enough)
				}
				c := &cutter{Conn: conn}
				c.left.Store(600 + r.Int64N(60_000))
				return c, nil
			}}
			c := Connect(w.url, &ClientOptions{JSON: json, Dialer: d, Logger: quiet(), MinBackoff: 1, MaxBackoff: 1}, client)
			defer c.Close()
			select {
			case <-enough:
			case <-time.After(60 * time.Second):
				t.Errorf("only %d connections: %+v", made, c.State())
			}
			if fault := client.fault.Load(); fault != nil {
				t.Error(*fault)
			}
			if client.seen.Load() < cuts/8 {
				t.Errorf("only %d numbers came", client.seen.Load())
			}
		}()
	}
	wg.Wait()
}
