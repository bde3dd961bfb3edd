package dstm

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

// maxQueued is how many changes wait for one consumer before they are folded.
const maxQueued = 1024

// feed hands the changes of one object to the consumers of Changes, and wakes
// those of Wait and those of Retry whom a change concerns. Its methods may be called from several goroutines; publish
// must be called in the order of the states.
type feed struct {
	world     *world.World
	mu        sync.Mutex
	consumers map[*consumer]struct{}
	naps      map[*nap]struct{}
	moved     chan struct{} // closed when something is published, for those who wait; nil if nobody does
	err       error         // why it was closed
	stalled   error         // why nothing will be published until further notice, nil if something may
}

func newFeed(w *world.World) *feed {
	return &feed{world: w, consumers: map[*consumer]struct{}{}}
}

// publish tells of the step from before to after. paths are the nodes written,
// nil if anything may differ.
func (f *feed) publish(before, after *tree.Node, version uint64, origin Origin, paths []Path) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return
	}
	for c := range f.consumers {
		c.add(before, after, version, origin, paths)
	}
	for n := range f.naps {
		if n.touched(after, origin, paths) {
			n.sleeper.rouse(nil)
		}
	}
	f.wake()
}

// wake wakes those who wait. The caller holds mu.
func (f *feed) wake() {
	if f.moved != nil {
		close(f.moved)
		f.moved = nil
	}
}

// close ends all consumers with err, after what they have queued.
func (f *feed) close(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return
	}
	f.err = err
	for c := range f.consumers {
		c.wake()
	}
	for n := range f.naps {
		n.sleeper.rouse(err)
	}
	f.wake()
}

// stall ends every sleep, or with nil allows it again: err is why nothing will be published until further notice. Those
// who wait look again.
func (f *feed) stall(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stalled = err; err == nil {
		return
	}
	for n := range f.naps {
		n.sleeper.rouse(err)
	}
	f.wake()
}

// whyStalled is what stall was told last.
func (f *feed) whyStalled() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stalled
}

// wait returns when reached says so, ctx or the feed ends.
func (f *feed) wait(ctx context.Context, reached func() bool) error {
	for {
		if reached() {
			return nil
		}
		f.mu.Lock()
		if f.moved == nil {
			f.moved = make(chan struct{})
		}
		moved, err := f.moved, f.err
		f.mu.Unlock()
		if reached() { // before the channel was there
			return nil
		}
		if err != nil {
			return err
		}
		f.world.Until(func() bool { return world.Closed(moved) || ctx.Err() != nil })
		if _, ok := world.Receive(ctx, moved); !ok {
			return status.From(context.Cause(ctx))
		}
	}
}

// changes is Object.Changes. Each iteration is a consumer of its own.
func (f *feed) changes(ctx context.Context, prefix Path) iter.Seq2[Change, error] {
	prefix = slices.Clone(prefix)
	return func(yield func(Change, error) bool) {
		c := &consumer{feed: f, prefix: prefix, ready: make(chan struct{}, 1)}
		if !prefix.Valid() {
			yield(Change{}, status.New(status.InvalidArgument, ErrInvalid, "bad path %q", prefix))
			return
		}
		f.mu.Lock()
		f.consumers[c] = struct{}{}
		f.mu.Unlock()
		defer func() {
			f.mu.Lock()
			delete(f.consumers, c)
			f.mu.Unlock()
		}()
		for ctx.Err() == nil {
			steps, err := c.take()
			for _, s := range steps {
				if ctx.Err() != nil || !yield(s.change(), nil) {
					return
				}
			}
			if len(steps) > 0 {
				continue
			}
			if err != nil {
				yield(Change{}, err)
				return
			}
			f.world.Until(func() bool { return len(c.ready) > 0 || ctx.Err() != nil })
			if _, ok := world.Receive(ctx, c.ready); !ok {
				return
			}
		}
	}
}

// consumer is one running Changes; its fields are guarded by the feed's mutex.
type consumer struct {
	feed   *feed
	prefix Path
	queue  []step
	fold   *step // what replaced a queue that grew too long
	before *tree.Node
	ready  chan struct{}
}

// step is a change whose values are not yet encoded.
type step struct {
	path          Path
	before, after *tree.Node
	moved         bool
	version       uint64
	origin        Origin
}

func (s *step) change() Change {
	return Change{Path: s.path, Old: s.before.Value(), New: s.after.Value(), Moved: s.moved, Version: s.version, Origin: s.origin}
}

func (c *consumer) wake() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

func (c *consumer) add(before, after *tree.Node, version uint64, origin Origin, paths []Path) {
	if c.fold != nil {
		c.fold.after, c.fold.version = after.Find(c.prefix), version
		return
	}
	if len(c.queue) == 0 {
		c.before = before.Find(c.prefix)
	}
	full := !differences(c.prefix, before, after, paths, func(s step) bool {
		if len(c.queue) == maxQueued {
			return false
		}
		s.version, s.origin = version, origin
		c.queue = append(c.queue, s)
		return true
	})
	if full {
		c.queue = nil
		c.fold = &step{path: c.prefix, before: c.before, after: after.Find(c.prefix), version: version, origin: Reset}
	}
	if full || len(c.queue) > 0 {
		c.wake()
	}
}

// take removes what is queued, or reports why nothing will come any more.
func (c *consumer) take() ([]step, error) {
	c.feed.mu.Lock()
	defer c.feed.mu.Unlock()
	steps := c.queue
	c.queue, c.before = nil, nil
	if c.fold != nil {
		steps, c.fold = []step{*c.fold}, nil
	}
	return steps, c.feed.err
}
