package dstm_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/transport"
)

// The transactions of these tests.
type step struct {
	Key string
	N   int64
}

var (
	// addStep conflicts with nobody.
	addStep = dstm.NewTransaction("test.add", func(tx *dstm.Tx, in step) error {
		tx.Add(in.N, nil, nil, in.Key)
		return tx.Err()
	})
	// setStep conflicts with whoever writes the key.
	setStep = dstm.NewTransaction("test.set", func(tx *dstm.Tx, in step) error {
		tx.Set(in.N, in.Key)
		return tx.Err()
	})
	// firmStep is setStep that goes to the inbox at the first conflict.
	firmStep = dstm.NewTransaction("test.firm", func(tx *dstm.Tx, in step) error {
		tx.Set(in.N, in.Key)
		return tx.Err()
	}, dstm.MaxAttempts(1))
	// doubleStep reads what it writes.
	doubleStep = dstm.NewTransaction("test.double", func(tx *dstm.Tx, in step) error {
		var n int64
		if tx.Lookup(&n, in.Key); n > 1_000_000 {
			return errTooMuch
		}
		tx.Set(2*n+in.N, in.Key)
		return tx.Err()
	})
	steps = []dstm.Named{addStep, setStep, firmStep, doubleStep}

	errTooMuch = errors.New("too much")
)

// probe is a Storage of which a test sees and decides what becomes of it.
type probe struct {
	transport.Storage
	mu      sync.Mutex
	dead    bool
	applied int
	fail    func(n int, changes []transport.StorageChange) error
	gate    chan struct{} // not nil: Apply waits for it
}

func newProbe() *probe { return &probe{Storage: transport.NewMemoryStorage()} }

func (p *probe) Apply(changes []transport.StorageChange) error {
	p.mu.Lock()
	gate := p.gate
	p.mu.Unlock()
	if gate != nil {
		<-gate
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errors.New("the process has ended")
	}
	p.applied++
	if p.fail != nil {
		if err := p.fail(p.applied, changes); err != nil {
			return err
		}
	}
	return p.Storage.Apply(changes)
}

func (p *probe) set(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
}

// next is the storage as the next process finds it.
func (p *probe) next() *probe {
	p.set(func() { p.dead = true })
	return &probe{Storage: p.Storage}
}

// records are what is stored, by key.
func (p *probe) records(t *testing.T) map[string][]byte {
	t.Helper()
	data, err := p.Storage.Load("dstm")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// has reports how many records have keys that begin with prefix.
func (p *probe) count(t *testing.T, prefix string) (n int) {
	t.Helper()
	for key := range p.records(t) {
		if len(key) >= len(prefix) && key[:len(prefix)] == prefix {
			n++
		}
	}
	return n
}

// process is a client with a storage.
type process struct {
	*guest
	storage *probe
}

// process starts a client on a storage; it connects if up.
func (h *hall) process(s *probe, up bool) *process { return h.processWith(s, up, nil) }

func (h *hall) processWith(s *probe, up bool, opts *dstm.ClientOptions) *process {
	h.t.Helper()
	var o dstm.ClientOptions
	if opts != nil {
		o = *opts
	}
	o.Storage, o.Logger = s, quiet()
	if o.Transactions == nil {
		o.Transactions = steps
	}
	p := &process{&guest{Client: dstm.NewClient(&o), line: &line{dialer: h.server.Pipe(), down: !up}}, s}
	p.conn = transport.Connect("pipe:", &transport.ClientOptions{
		Dialer: p.line, Storage: s, JSON: h.json, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond, Logger: quiet(),
	}, p.Client)
	h.t.Cleanup(func() { p.stop() })
	return p
}

func (p *process) stop() {
	p.line.let()
	p.Client.Close()
	p.conn.Close()
}

// crash ends the process: what is not stored yet never will be.
func (p *process) crash() *probe {
	p.line.drop(false) // first, since a process whose storage fails would go on in memory
	next := p.storage.next()
	p.storage.set(func() {
		if p.storage.gate != nil {
			close(p.storage.gate)
			p.storage.gate = nil
		}
	})
	p.stop()
	return next
}

func (h *hall) submit(t *dstm.Transaction[step], o dstm.Object, key string, n int64) *dstm.Work {
	h.t.Helper()
	w, err := t.Submit(h.ctx, o, step{key, n})
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

func (h *hall) done(w *dstm.Work) dstm.Commit {
	h.t.Helper()
	c, err := w.Wait(h.ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// sees waits until key is n in o.
func (h *hall) sees(o dstm.Object, key string, n int64) {
	h.t.Helper()
	h.until(func() bool { return number(h.t, o, key) == n })
}

func number(t *testing.T, o dstm.Object, key string) (n int64) {
	t.Helper()
	if err := o.View(func(tx *dstm.Tx) error { tx.Lookup(&n, key); return tx.Err() }); err != nil {
		t.Fatal(err)
	}
	return n
}

// truth is what the store has.
func (h *hall) truth(name, key string) int64 {
	h.t.Helper()
	o, err := h.store.Open(h.ctx, name)
	if err != nil {
		h.t.Fatal(err)
	}
	defer o.Close()
	return number(h.t, o, key)
}

// write has somebody else set a key.
func (h *hall) write(name, key string, n int64) {
	h.t.Helper()
	o, err := h.store.Open(h.ctx, name)
	if err != nil {
		h.t.Fatal(err)
	}
	defer o.Close()
	if _, err := o.Update(context.Background(), func(tx *dstm.Tx) error { tx.Overwrite(n, key); return nil }); err != nil {
		h.t.Fatal(err)
	}
}
