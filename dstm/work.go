package dstm

import (
	"context"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/keep"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

// Work is one submitted [Transaction]. It ends committed, exactly once, or in the client's [Inbox]: after a restart too, if it is Durable. After a
// conflict its function runs again, like that of Update, in the order in which the works were submitted. All methods may
// be called from several goroutines.
type Work struct {
	id, name string
	objects  []string
	client   *Client
	done     chan struct{} // closed when it is decided
	stored   chan struct{} // closed when it is stored, or will not be

	// Set before done is closed:
	commits []Commit
	err     error

	durable bool // guarded by the client's mutex
}

// ID names the work, and its item in the inbox, in this client. Ids ascend in the order of submission.
func (w *Work) ID() string { return w.id }

// Name is that of the transaction.
func (w *Work) Name() string { return w.name }

// Objects are the names of the objects that it was submitted on.
func (w *Work) Objects() []string { return slices.Clone(w.objects) }

// Durable reports whether the work is stored: it is not if the client has no Storage, or cannot write it.
func (w *Work) Durable() bool {
	w.client.mu.Lock()
	defer w.client.mu.Unlock()
	return w.durable
}

// Wait returns when the work is decided: the commit of its first object, or the reason for which it is in the inbox. The end of ctx ends
// the wait, not the work; so does Close of the client, with ErrClosed.
func (w *Work) Wait(ctx context.Context) (Commit, error) {
	w.client.world.Until(func() bool { return world.Closed(w.done) || ctx.Err() != nil })
	select {
	case <-w.done:
	case <-ctx.Done():
		return Commit{}, status.From(context.Cause(ctx))
	}
	if w.err != nil {
		return Commit{}, w.err
	}
	return w.commits[0], nil
}

// finish decides the work, once.
func (w *Work) finish(commits []Commit, err error) {
	if !world.Closed(w.done) {
		w.commits, w.err = commits, err
		close(w.done)
	}
}

// Pending are the works that are not decided, in the order of their submission: those of a process before included.
func (c *Client) Pending() []*Work {
	c.mu.Lock()
	defer c.mu.Unlock()
	works := []*Work{}
	for _, w := range c.works.order {
		if !w.landing {
			works = append(works, w.handle)
		}
	}
	return works
}

// work is what the client knows of one. The client's mutex guards it, and all that is in works.
type work struct {
	keep.Work
	named   *named // nil: no transaction of that name is registered
	handle  *Work
	uses    []*shared // it holds its objects open
	size    int       // of its record
	landing bool      // it is committed, and waits until its objects show that
	commits []Commit  // if landing
	awaited []uint64  // it has read these in strict objects, and runs when they are answered
	kept    []run     // what its record in the storage may say; see [work.hazard]
	paused  bool      // it waits before it runs again
	unpause func()    // ends the pause's timer
}

// run is what a record says of a work's run.
type run struct {
	sequence uint64 // 0: it is to be run
	sent     bool   // it may have been sent
}

func (w *work) run() run { return run{w.Sequence, w.Sent} }

// waits reports whether the work is to be run.
func (w *work) waits() bool { return w.Sequence == 0 && !w.landing }

// writes reports whether the run on its way writes in an object.
func (w *work) writes(object string) bool {
	return slices.ContainsFunc(w.Parts, func(p txn.Part) bool { return p.Object == object && len(p.Writes) > 0 })
}

// works are those of a client that are not decided, or not yet stored as decided, and the items of the inbox.
type works struct {
	order    []*work
	runs     map[uint64]*work // by the sequence that is on its way
	items    []*keep.Item     // in the order of their ids
	bytes    int              // of all records
	last     uint64           // of the ids
	registry map[string]*named
	held     map[string]bool // items that the storage may hold, as such or still as works, by id
	working  bool            // a goroutine runs what is to be run
	watchers map[chan struct{}]struct{}
}

func (s *works) size(w *work, size int) {
	s.bytes += size - w.size
	w.size = size
}

func (s *works) remove(w *work) {
	s.size(w, 0)
	s.order = slices.DeleteFunc(s.order, func(x *work) bool { return x == w })
	if w.unpause != nil {
		w.unpause()
	}
}
