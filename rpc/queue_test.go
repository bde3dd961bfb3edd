package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

var save = NewMethod[int, string]("save")

// saver is a server that keeps what it was called with.
type saver struct {
	*Peer
	mu   sync.Mutex
	got  []int
	fail func(in int) error
}

func newSaver() *saver {
	s := &saver{Peer: newPeer(PeerOptions{}), fail: func(int) error { return nil }}
	save.Handle(s.Peer, func(ctx context.Context, in int) (string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if info, _ := CallFrom(ctx); info.Metadata["a"] != "b" {
			return "", errors.New("no metadata")
		}
		s.got = append(s.got, in)
		return fmt.Sprint("saved ", in), s.fail(in)
	})
	return s
}

func (s *saver) want(t *testing.T, want ...int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if fmt.Sprint(s.got) != fmt.Sprint(want) {
		t.Fatalf("handled %v, want %v", s.got, want)
	}
	s.got = nil
}

type outcome struct {
	out string
	err error
}

// queueCall makes a queued call aside, and returns when it waits.
func queueCall(ctx context.Context, p *Peer, in int) chan outcome {
	c := make(chan outcome, 1)
	go func() {
		out, err := save.Call(ctx, p, in, Idempotent(), Queued(), WithMetadata(Metadata{"a": "b"}))
		c <- outcome{out, err}
	}()
	synctest.Wait()
	return c
}

func records(t *testing.T, s transport.Storage) map[string][]byte {
	t.Helper()
	m, err := s.Load("rpc")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestQueued: calls wait for a session, go in order, and are made again when it ends before the answer.
func TestQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := newSaver(), transport.NewMemoryStorage()
		client := newPeer(PeerOptions{Storage: storage, QueueLength: 3})
		var calls []chan outcome
		for i := range 3 {
			calls = append(calls, queueCall(t.Context(), client, i))
		}
		_, err := save.Call(t.Context(), client, 3, Idempotent(), Queued())
		wantStatus(t, err, status.ResourceExhausted, ErrBusy, false)
		if n := len(records(t, storage)); n != 3 {
			t.Fatalf("%d records", n)
		}
		server.fail = func(in int) error {
			if in == 1 {
				return status.New(status.AlreadyExists, "full", "no")
			}
			return nil
		}
		// The first answer is lost.
		connect(t, server.Peer, client, func(toServer bool, _ []byte) bool { return toServer })
		synctest.Wait()
		server.want(t, 0)
		connect(t, server.Peer, client, nil)
		for i, c := range calls {
			got := <-c
			if i == 1 {
				wantStatus(t, got.err, status.AlreadyExists, "full", false)
			} else if got.err != nil || got.out != fmt.Sprint("saved ", i) {
				t.Fatal(got)
			}
		}
		server.want(t, 0, 1, 2)
		if got := <-queueCall(t.Context(), client, 4); got.err != nil { // at once
			t.Fatal(got.err)
		}
		if n := len(records(t, storage)); n != 0 {
			t.Fatalf("%d records are left", n)
		}
	})
}

// TestQueuedOverRestart: the next process makes the calls, and leaves alone what it cannot read.
func TestQueuedOverRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := newSaver(), transport.NewMemoryStorage()
		client := newPeer(PeerOptions{Storage: storage})
		calls := []chan outcome{queueCall(t.Context(), client, 0), queueCall(t.Context(), client, 1), queueCall(t.Context(), client, 2)}
		client.Finish(errors.New("the end"))
		for _, c := range calls {
			wantStatus(t, (<-c).err, status.Unavailable, ErrNotConnected, true) // it is still to be sent
		}
		wantStatus(t, (<-queueCall(t.Context(), client, 3)).err, status.Unavailable, ErrNotConnected, false)
		kept := records(t, storage)
		if len(kept) != 3 {
			t.Fatalf("%d records", len(kept))
		}
		damaged := kept["queue/0000000000000002"]
		damaged[len(damaged)-1]++
		newer := append([]byte{queueFormat + 1}, "whatever"...)
		for key, value := range map[string][]byte{"queue/0000000000000002": damaged, "queue/0000000000000009": newer} {
			if err := storage.Apply([]transport.StorageChange{{Space: "rpc", Key: key, Value: value}}); err != nil {
				t.Fatal(err)
			}
		}
		again := newPeer(PeerOptions{Storage: storage})
		last := queueCall(t.Context(), again, 5)
		connect(t, server.Peer, again, nil)
		if got := <-last; got.err != nil {
			t.Fatal(got.err)
		}
		server.want(t, 0, 2, 5)
		left := records(t, storage)
		if len(left) != 2 || string(left["queue/0000000000000002"]) != string(damaged) || string(left["queue/0000000000000009"]) != string(newer) {
			t.Fatalf("%q", left)
		}
	})
}

// TestQueuedInMemory: without a storage nothing is left when the client is closed, and what was never sent certainly did not run.
func TestQueuedInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newSaver(), newPeer(PeerOptions{QueueBytes: 30})
		c := queueCall(t.Context(), client, 0)
		wantStatus(t, (<-queueCall(t.Context(), client, 1)).err, status.ResourceExhausted, ErrBusy, false) // its bytes
		client.Finish(errors.New("the end"))
		wantStatus(t, (<-c).err, status.Unavailable, ErrNotConnected, false)
		connect(t, server.Peer, client, nil)
		synctest.Wait()
		server.want(t)
	})
}

// TestQueuedTakenBack: ctx takes a call back, while it waits and while it runs.
func TestQueuedTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := newSaver(), transport.NewMemoryStorage()
		client := newPeer(PeerOptions{Storage: storage})
		ctx, cancel := context.WithCancel(t.Context())
		first, second := queueCall(ctx, client, 0), queueCall(t.Context(), client, 1)
		cancel()
		wantStatus(t, (<-first).err, status.Canceled, "", false)
		p := connect(t, server.Peer, client, nil)
		if got := <-second; got.err != nil {
			t.Fatal(got.err)
		}
		server.want(t, 1)
		p.server.hold(true) // no answers
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		third, fourth := queueCall(ctx, client, 2), queueCall(t.Context(), client, 3)
		wantStatus(t, (<-third).err, status.DeadlineExceeded, "", true)
		p.server.hold(false)
		if got := <-fourth; got.err != nil {
			t.Fatal(got.err)
		}
		server.want(t, 2, 3)
		if n := len(records(t, storage)); n != 0 {
			t.Fatalf("%d records are left", n)
		}
	})
}

// TestQueuedBusy: a server that has no time is asked again, a second later, also by a handler that passes on what happened to it.
func TestQueuedBusy(t *testing.T) {
	for _, why := range []error{errBusy, errLost.MaybeDone(), errNotConnected} {
		synctest.Test(t, func(t *testing.T) {
			server, client := newSaver(), newPeer(PeerOptions{})
			connect(t, server.Peer, client, nil)
			tries := 0
			server.fail = func(in int) error {
				if tries++; tries <= 2 {
					return why
				}
				return nil
			}
			begin := time.Now()
			first := queueCall(t.Context(), client, 0)
			second := queueCall(t.Context(), client, 1)
			if got := <-first; got.err != nil || time.Since(begin) != 2*busyPause {
				t.Fatal(got, time.Since(begin))
			}
			if got := <-second; got.err != nil {
				t.Fatal(got.err)
			}
			server.want(t, 0, 0, 0, 1)
		})
	}
}

// TestQueuedRefused: what cannot be queued.
func TestQueuedRefused(t *testing.T) {
	server, client := newSaver(), newPeer(PeerOptions{})
	ctx := t.Context()
	refused := func(p Caller, opts ...CallOption) {
		t.Helper()
		_, err := save.Call(ctx, p, 1, append(opts, Queued())...)
		wantStatus(t, err, status.InvalidArgument, ErrBadRequest, false)
	}
	refused(client)
	refused(server.Peer.Client(transport.NewID()), Idempotent())
	wantStatus(t, save.Notify(ctx, client, 1, Idempotent(), Queued()), status.InvalidArgument, ErrBadRequest, false)
	p := connect(t, server.Peer, client, nil)
	_, err := save.Call(ctx, server.Peer, 1, Idempotent(), Queued())
	wantStatus(t, err, status.FailedPrecondition, "", false)
	p.client.maxFrame = 100
	_, err = blobs.Call(ctx, client, strings.Repeat("x", 200), Idempotent(), Queued())
	wantStatus(t, err, status.ResourceExhausted, transport.ErrFrameTooLarge, false)
	_, err = blobs.Call(ctx, client, strings.Repeat("x", 2<<20), Idempotent(), Queued())
	wantStatus(t, err, status.ResourceExhausted, ErrBusy, false)
}

var blobs = NewMethod[string, string]("blobs")

// TestQueuedIntercepted: the interceptors of the first process go around the whole call, and what they change is kept.
func TestQueuedIntercepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		server := newSaver()
		client := newPeer(PeerOptions{Calling: []Interceptor{func(next Func) Func {
			return func(ctx context.Context, req *Request) (Response, error) {
				runs++
				req.Metadata = Metadata{"a": "b"}
				req.Payload = raw(8)
				return next(ctx, req)
			}
		}}})
		connect(t, server.Peer, client, func(toServer bool, _ []byte) bool { return toServer }) // its answer is lost
		c := make(chan error, 1)
		go func() { _, err := save.Call(t.Context(), client, 7, Idempotent(), Queued()); c <- err }()
		synctest.Wait()
		connect(t, server.Peer, client, nil)
		if err := <-c; err != nil || runs != 1 {
			t.Fatal(err, runs)
		}
		server.want(t, 8, 8)
	})
}

func FuzzQueueRecord(f *testing.F) {
	req := Request{Info: Info{Procedure: "save", Metadata: Metadata{"a": "b"}}, Payload: codec.Raw{7}}
	f.Add(appendQueued("queue/1", &req)[queueHead:])
	req.Metadata = nil
	f.Add(appendQueued("queue/1", &req)[queueHead:])
	f.Fuzz(func(t *testing.T, body []byte) {
		record := append(make([]byte, queueHead), body...)
		record[0] = queueFormat
		copy(record[1:], queueSum("queue/1", body))
		req, err := readQueued("queue/1", record)
		if err != nil {
			return
		}
		again, err := readQueued("queue/1", appendQueued("queue/1", &req))
		if err != nil || again.Procedure != req.Procedure || fmt.Sprint(again.Metadata) != fmt.Sprint(req.Metadata) || string(again.Payload) != string(req.Payload) {
			t.Fatal(again, err)
		}
		if _, err := readQueued("queue/2", record); err == nil {
			t.Fatal("under another key")
		}
		record[0]++
		if _, err := readQueued("queue/1", record); status.CodeOf(err) != status.FailedPrecondition {
			t.Fatal(err)
		}
	})
}
