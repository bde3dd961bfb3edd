package dstm

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// narrowSession is a session that takes as many frames as the test allows.
type narrowSession struct {
	mu     sync.Mutex
	room   int
	drain  func()
	frames chan string // kinds, with the object or position
}

func (s *narrowSession) Client() transport.ID                         { return transport.ID{1} }
func (s *narrowSession) Identity() transport.Identity                 { return transport.Identity{} }
func (s *narrowSession) Context() context.Context                     { return context.Background() }
func (s *narrowSession) MaxFrame() int                                { return 1 << 20 }
func (s *narrowSession) JSON() bool                                   { return false }
func (s *narrowSession) Close(transport.CloseCode, string)            {}
func (s *narrowSession) TrySendShared(f *transport.Shared) error      { return s.TrySend(f.Frame()) }
func (s *narrowSession) Send(ctx context.Context, frame []byte) error { <-ctx.Done(); return ctx.Err() }
func (s *narrowSession) AfterDrain(fn func())                         { s.mu.Lock(); s.drain = fn; s.mu.Unlock() }
func (s *narrowSession) TrySend(frame []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room == 0 {
		return status.New(status.ResourceExhausted, transport.ErrFull, "no room")
	}
	s.room--
	outer := codec.NewReader(bytes.Clone(frame), 1)
	body := outer.Array()
	body.Int()
	kind := body.Int()
	body.Skip()
	switch kind {
	case frameOpened:
		body.Skip()
		fallthrough
	case frameReset, frameEnded:
		s.frames <- fmt.Sprint(kind, " ", body.String())
	default:
		s.frames <- fmt.Sprint(kind)
	}
	return nil
}

// let makes room for n frames.
func (s *narrowSession) let(n int) {
	s.mu.Lock()
	s.room = n
	drain := s.drain
	s.drain = nil
	s.mu.Unlock()
	if drain != nil {
		drain()
	}
}

// A session is behind when the store closes, and one of two resets was sent. What is still to end is not said to be current.
func TestEndedIsNotCurrent(t *testing.T) {
	store, err := NewStore(NewMemoryLog(), &StoreOptions{Recent: 1, Rules: []Rule{{Object: "*", Open: AllowAll}}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close(t.Context())
	slow := &narrowSession{frames: make(chan string, 100), room: 100}
	receiver := store.attach(slow)
	defer receiver.Close(nil)
	var objects []Object
	for i, name := range []string{"a", "b"} {
		b := codec.AppendInt(codec.AppendArray(nil, 3), int64(i+1))
		b = codec.AppendNil(codec.AppendString(b, name))
		body := codec.NewReader(b, 1)
		if err := receiver.Receive(transport.Frame{Kind: frameOpen, Stream: codec.AppendString(nil, ""), Body: body.Array()}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"2 " + name, "12"} {
			if got := <-slow.frames; got != want {
				t.Fatalf("%q in place of %q", got, want)
			}
		}
		o, err := store.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	write := func() {
		t.Helper()
		if _, err := UpdateAll(t.Context(), objects, func(tx *Tx) error {
			for _, o := range objects {
				tx.In(o).Add(1, nil, nil, "n")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	slow.let(0)
	for range 3 {
		write()
	}
	slow.let(1)
	write()
	store.Close(t.Context())
	slow.let(100)
	var got []string
	for len(slow.frames) > 0 {
		got = append(got, <-slow.frames)
	}
	if want := []string{"4 a", "6 a", "6 b", "12"}; !slices.Equal(got, want) {
		t.Errorf("%q in place of %q", got, want)
	}
}
