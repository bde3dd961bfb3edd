package transport

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/codec"
)

// held keeps what is broadcast to sessions from being written until release is called.
func held(sessions []*Session) (release func()) {
	waiting := &writerPool{}
	pools := map[*Session]*writerPool{}
	for _, s := range sessions {
		s.out.mu.Lock()
		for s.out.writing { // what was sent before
			s.out.waitIdle()
		}
		s.out.mu.Unlock()
		pools[s], s.pool = s.pool, waiting
	}
	return func() {
		for _, s := range waiting.ready {
			pools[s].add([]*Session{s})
		}
		for s, p := range pools {
			s.pool = p
		}
	}
}

// Sessions in step share what waits for them and get it as one message; one that has something
// else queued gets all of it too, in order, and joins the others again when that has left.
func TestInStep(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		var peers []*rawPeer
		for range fewSessions {
			peers = append(peers, w.rawOpen("echo"))
		}
		list := slices.Collect(w.server.Sessions())
		for round := range 3 {
			release := held(list)
			var frames [][]byte
			add := func(n int64) []byte {
				frames = append(frames, frameOf(16, 1, integer(1), integer(n)))
				return frames[len(frames)-1]
			}
			Broadcast(list, NewShared(add(1)), nil)
			Broadcast(list, NewShared(add(2)), nil)
			own := frameOf(16, 1, integer(1), text("yours"))
			if err := list[round].TrySend(own); err != nil {
				t.Fatal(err)
			}
			Broadcast(list, NewShared(add(3)), nil)
			shared := map[*step]int{}
			for _, s := range list {
				s.out.mu.Lock()
				shared[s.out.step]++
				s.out.mu.Unlock()
			}
			if len(shared) != 2 || shared[nil] != 1 {
				t.Fatalf("%d sessions have these steps: %v", len(list), shared)
			}
			release()
			alone := 0
			for _, p := range peers {
				got := string(p.read())
				with := slices.Insert(slices.Clone(frames), 2, own)
				switch got {
				case string(p.encode(with...)):
					alone++
				case string(p.encode(frames...)):
				default:
					t.Fatalf("a message of %q", got)
				}
			}
			if alone != 1 {
				t.Fatalf("%d sessions got what one was sent", alone)
			}
		}
	}, echo)
}

// Frames of one stream reach each session in the order in which they were queued, whether for all or for
// one, small or cut.
func TestBroadcastOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const total, clients = 2000 / slow, 6
	everywhere(t, &ServerOptions{Outbound: 256 << 10}, func(t *testing.T, w *world) {
		r := rand.New(rand.NewPCG(seed, 1))
		var got [clients]chan int64
		bySession := map[*Session]chan int64{}
		var list []*Session
		for i := range got {
			ch := make(chan int64, total)
			got[i] = ch
			c := w.client(nil, &probe{name: "echo", receive: func(_ *Session, f Frame) error {
				ch <- f.Body.Int()
				return nil
			}})
			s := w.server.Client(c.ID())
			bySession[s] = ch
			list = append(list, s)
		}
		want := map[*Session][]int64{}
		send := func(s *Session, frame []byte, n int64) {
			if err := s.Send(context.Background(), frame); err != nil {
				t.Fatal(err)
			}
			want[s] = append(want[s], n)
		}
		for n := range int64(total) {
			pad := r.IntN(200)
			if r.IntN(100) == 0 {
				pad = r.IntN(60_000)
			}
			frame := AppendHeader(nil, 5, 16, 1)
			frame = append(append(append(frame, integer(7)...), integer(n)...), text(strings.Repeat("x", pad))...)
			if r.IntN(4) == 0 {
				send(list[r.IntN(clients)], frame, n)
				continue
			}
			some := list[:1+r.IntN(clients)]
			var full []*Session
			Broadcast(some, NewShared(frame), func(s *Session, err error) {
				if !errors.Is(err, ErrFull) {
					t.Error(err)
				}
				full = append(full, s)
			})
			for _, s := range some {
				if !slices.Contains(full, s) {
					want[s] = append(want[s], n)
				}
			}
			for _, s := range full {
				send(s, frame, n)
			}
		}
		for s, numbers := range want {
			for i, n := range numbers {
				if g := within(t, bySession[s]); g != n {
					t.Fatalf("frame %d of a session is number %d, want %d", i, g, n)
				}
			}
		}
	}, echo)
}

// A peer that takes nothing holds up no writer: more of them than there are writers, and the others get everything. When it reads on it finds what was
// queued, whole and in order, although it has sent WebSocket pings whose answers go between.
func TestStuckPeers(t *testing.T) {
	everywhere(t, &ServerOptions{Outbound: 128 << 10, Heartbeat: time.Hour}, func(t *testing.T, w *world) {
		var stuck, reading []*rawPeer
		for range w.server.writers.most + 3 {
			stuck = append(stuck, w.rawOpen("echo"))
		}
		lazy := slices.Collect(w.server.Sessions())
		for range 4 {
			reading = append(reading, w.rawOpen("echo"))
		}
		list := slices.Collect(w.server.Sessions())
		took := map[*Session][]int64{}
		filling := text(strings.Repeat("x", 9_000))
		frame := func(n int64) []byte {
			return append(append(append(AppendHeader(nil, 5, 16, 1), integer(1)...), integer(n)...), filling...)
		}
		number := func(msg []byte) (numbers []int64) {
			for len(msg) > 0 {
				var one, rest []byte
				if w.json {
					line, after, _ := bytes.Cut(msg, []byte{'\n'})
					var err error
					if one, err = codec.FromJSON(nil, line); err != nil {
						t.Fatal(err)
					}
					rest = after
				} else {
					n, err := codec.Check(msg)
					if err != nil {
						t.Fatal(err)
					}
					one, rest = msg[:n], msg[n:]
				}
				h, ok := readHeader(one)
				if !ok {
					t.Fatal("not a frame")
				}
				if h.pattern != NumberControl {
					numbers = append(numbers, h.body.Int())
				}
				msg = rest
			}
			return numbers
		}
		full := map[*Session]bool{}
		last := int64(0)
		for len(full) < len(lazy) {
			last++
			refused := map[*Session]bool{}
			Broadcast(list, NewShared(frame(last)), func(s *Session, err error) {
				if !errors.Is(err, ErrFull) || !slices.Contains(lazy, s) {
					t.Fatalf("refused: %v", err)
				}
				full[s], refused[s] = true, true
			})
			for _, s := range lazy {
				if !refused[s] {
					took[s] = append(took[s], last)
				}
			}
			for _, p := range reading {
				if got := number(p.read()); len(got) != 1 || got[0] != last {
					t.Fatalf("who reads got %v, want %d", got, last)
				}
			}
		}
		pongs := make(chan struct{}, len(stuck))
		for _, p := range stuck {
			if c, ok := p.conn.(*wsConn); ok {
				c.ws.SetPongHandler(func(string) error { pongs <- struct{}{}; return nil })
				c.ws.WriteControl(websocket.PingMessage, []byte("?"), time.Time{})
			}
		}
		var all sync.WaitGroup
		results := make([][]int64, len(stuck))
		for i, p := range stuck {
			all.Go(func() {
				for len(results[i]) == 0 || results[i][len(results[i])-1] != last+1 {
					results[i] = append(results[i], number(p.read())...)
				}
			})
		}
		for _, s := range lazy {
			if err := s.Send(context.Background(), frame(last+1)); err != nil {
				t.Fatal(err)
			}
			took[s] = append(took[s], last+1)
		}
		all.Wait()
		for _, s := range lazy {
			if !slices.ContainsFunc(results, func(r []int64) bool { return slices.Equal(r, took[s]) }) {
				t.Fatal("nobody got exactly what a session took")
			}
		}
		for i, r := range results {
			if !slices.ContainsFunc(lazy, func(s *Session) bool { return slices.Equal(r, took[s]) }) {
				t.Fatalf("peer %d got something else than any session took", i)
			}
			if w.url != "" {
				go stuck[i].conn.Read()
				within(t, pongs)
			}
		}
	}, echo)
}

// A connection that fails ends its session and no other.
func TestBroadcastToTheDead(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		dead := w.rawOpen("echo")
		doomed := slices.Collect(w.server.Sessions())[0]
		var peers []*rawPeer
		for range fewSessions {
			peers = append(peers, w.rawOpen("echo"))
		}
		list := slices.Collect(w.server.Sessions())
		release := held(list)
		Broadcast(list, NewShared(frameOf(16, 1, integer(1), integer(1))), nil)
		dead.conn.Close()
		<-doomed.Context().Done()
		release()
		<-doomed.Done()
		Broadcast(list, NewShared(frameOf(16, 1, integer(1), integer(2))), func(s *Session, err error) {
			if s != doomed || !errors.Is(err, ErrClosed) {
				t.Errorf("refused: %v", err)
			}
		})
		for _, p := range peers {
			var got []byte
			for want := p.encode(frameOf(16, 1, integer(1), integer(1)), frameOf(16, 1, integer(1), integer(2))); len(got) < len(want); {
				if len(got) > 0 && w.json {
					got = append(got, '\n')
				}
				got = append(got, p.read()...)
			}
		}
	}, echo)
}

// What is framed here is what gorilla frames.
func TestMessageHeader(t *testing.T) {
	for _, json := range []bool{false, true} {
		for _, n := range []int{1, 125, 126, 65535, 65536} {
			wire := bytes.Repeat([]byte("x"), n)
			b := []byte{0x82}
			if json {
				wire = append(wire, '\n')
				b[0] = 0x81
			}
			switch {
			case n < 126:
				b = append(b, byte(n))
			case n < 65536:
				b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
			default:
				b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
			}
			b = append(b, wire[:n]...)
			half := &step{wire: wire[:n/2], size: n / 2}
			whole := &step{prev: half, wire: wire[n/2:], size: len(wire)}
			if got := whole.message(json); !bytes.Equal(got, b) || !bytes.Equal(messagePayload(got), wire[:n]) {
				t.Errorf("json %v: a message of %d bytes begins with %x, want %x", json, n, got[:2], b[:2])
			}
		}
	}
}

// BenchmarkBroadcast is one frame of 128 bytes to so many sessions over the loopback, eight under way, per delivery.
func BenchmarkBroadcast(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b, true, false, nil, echo())
			const window = 8
			f := NewShared(frameOf(16, 1, integer(1), text(strings.Repeat("x", 128))))
			size := len(f.Frame())
			var all sync.WaitGroup
			defer all.Wait()
			tokens := make(chan struct{}, window*n)
			for range n {
				p := w.rawOpen("echo")
				defer p.conn.Close()
				all.Go(func() {
					for {
						msg, err := p.conn.Read()
						if err != nil {
							return
						}
						for range len(msg) / size {
							tokens <- struct{}{}
						}
					}
				})
			}
			list := slices.Collect(w.server.Sessions())
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N+window*n; i += n {
				if i < b.N {
					Broadcast(list, f, func(_ *Session, err error) { b.Error(err) })
				}
				if i >= window*n {
					for range n {
						<-tokens
					}
				}
			}
			b.StopTimer()
		})
	}
}
