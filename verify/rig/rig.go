// Package rig builds whole systems to try things on: a server, in this process or in one of its own, clients that are
// connected to it, and trouble: connections that break, and server processes that are killed. At the end the
// witness judges what clients were told and hold against the log.
package rig

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
	"github.com/trefoilgo/trefoil/transport"
)

// Rig is one system. Its methods may be called from several goroutines, but for End.
type Rig struct {
	// Recorder takes down what the clients do.
	Recorder dstmtest.Recorder

	ctx     context.Context
	server  server
	trouble bool
	stop    context.CancelFunc
	wg      sync.WaitGroup

	mu      sync.Mutex
	rng     *rand.Rand
	clients []*Client
}

// server is where clients connect to.
type server interface {
	dialer() transport.Dialer
	url() string
	// hurt does something to the server that it must survive; false if there is nothing.
	hurt(ctx context.Context, rng *rand.Rand) error
	// end stops the server and returns the whole log.
	end(ctx context.Context) ([]dstm.Entry, error)
}

// Options say what a Rig is like.
type Options struct {
	// Seed decides about trouble, as far as anything but the machine's scheduling does.
	Seed uint64
	// Process runs the server in a process of its own, on bbolt, with WebSockets; otherwise it is in this one, in memory, with pipes.
	Process bool
	// Trouble breaks connections now and then, and kills the server's process.
	Trouble bool
	// Rules are the server's in this process; nil allows everything. A server process has [ServerRules].
	Rules []dstm.Rule
}

// New starts a system. End must be called.
func New(ctx context.Context, opts Options) (*Rig, error) {
	ctx, stop := context.WithCancel(ctx)
	r := &Rig{ctx: ctx, stop: stop, trouble: opts.Trouble, rng: rand.New(rand.NewPCG(opts.Seed, 1))}
	rules := opts.Rules
	if rules == nil {
		rules = ServerRules()
	}
	var err error
	if opts.Process {
		r.server, err = startProcess(ctx)
	} else {
		r.server, err = startHere(rules)
	}
	if err != nil {
		stop()
		return nil, err
	}
	if opts.Trouble {
		r.wg.Go(r.makeTrouble)
	}
	return r, nil
}

// Process is the server's process, nil if it is in this one.
func (r *Rig) Process() *Process {
	p, _ := r.server.(*Process)
	return p
}

// Number is a random number below n.
func (r *Rig) Number(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.IntN(n)
}

// makeTrouble hurts the system at random moments, until the rig ends.
func (r *Rig) makeTrouble() {
	for {
		select {
		case <-time.After(time.Duration(2+r.Number(30)) * time.Millisecond):
		case <-r.ctx.Done():
			return
		}
		r.mu.Lock()
		var c *Client
		if len(r.clients) > 0 {
			c = r.clients[r.rng.IntN(len(r.clients))]
		}
		server := r.rng.IntN(40) == 0
		r.mu.Unlock()
		switch {
		case server:
			r.mu.Lock()
			rng := rand.New(rand.NewPCG(r.rng.Uint64(), 0))
			r.mu.Unlock()
			// To its end, even if the rig ends meanwhile: the server must be there again then.
			if err := r.server.hurt(context.WithoutCancel(r.ctx), rng); err != nil {
				panic(err) // the server does not come back: nothing can go on
			}
		case c != nil:
			c.Cut()
		}
	}
}

// End brings the system to rest and judges it. Every client's objects must hold what the log makes of them.
func (r *Rig) End() error {
	r.mu.Lock()
	clients := r.clients
	r.mu.Unlock()
	r.stop()
	r.wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	failed := r.see(ctx, clients)
	for _, c := range clients {
		c.Client.Close()
		c.conn.Close()
	}
	entries, err := r.server.end(ctx)
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return err
	}
	return r.Recorder.CheckEntries(entries)
}

// see waits until all replicas of each object have the same version, and records them.
func (r *Rig) see(ctx context.Context, clients []*Client) error {
	versions := map[string]uint64{}
	for _, c := range clients {
		for _, o := range c.open {
			versions[o.Name()] = max(versions[o.Name()], o.Head().Version)
		}
	}
	for _, c := range clients {
		for _, o := range c.open {
			if err := o.Wait(ctx, versions[o.Name()]); err != nil {
				return fmt.Errorf("%s does not come to version %d: %w", o.Name(), versions[o.Name()], err)
			}
			if err := r.Recorder.See(o); err != nil {
				return err
			}
		}
	}
	return nil
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// here is a server in this process.
type here struct {
	log    *dstm.MemoryLog
	store  *dstm.Store
	server *transport.Server
}

func startHere(rules []dstm.Rule) (*here, error) {
	h := &here{log: dstm.NewMemoryLog()}
	var err error
	h.store, err = dstm.NewStore(h.log, &dstm.StoreOptions{Rules: rules, Logger: quiet(), CheckpointEntries: 1000, KeepBytes: 1 << 40})
	if err != nil {
		return nil, err
	}
	h.server = transport.NewServer(&transport.ServerOptions{Logger: quiet()}, h.store)
	return h, nil
}

func (h *here) dialer() transport.Dialer               { return h.server.Pipe() }
func (h *here) url() string                            { return "pipe:" }
func (h *here) hurt(context.Context, *rand.Rand) error { return nil }
func (h *here) end(ctx context.Context) ([]dstm.Entry, error) {
	if err := h.server.Close(ctx); err != nil {
		return nil, err
	}
	if err := h.store.Close(ctx); err != nil {
		return nil, err
	}
	return dstmtest.Entries(ctx, h.log, 0)
}
