package dstm

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/keep"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/status"
)

// Inbox holds the works of a client that were refused in the end, until somebody decides about each: nothing of a user's is dropped. With
// a Storage it outlives the process. All methods may be called from several goroutines.
type Inbox struct{ client *Client }

// InboxItem is one of them. It is the receiver's.
type InboxItem struct {
	// ID is that of the [Work].
	ID string
	// Name, Arguments and Objects are what was submitted.
	Name      string
	Arguments codec.Raw
	Objects   []string
	// Err is the reason. Where it says Unknown, the work may have taken effect: look at the objects; Retry means "I looked, do it again".
	Err *status.Error
	// Made and Refused are when it was submitted and refused, by the client's clock.
	Made, Refused time.Time
	// Differences are the paths that its last run wrote.
	Differences []Difference
}

// Difference is one path that a work in the [Inbox] wrote.
type Difference struct {
	Object string
	Path   Path
	// Base is what its function saw, Mine what it left, Theirs what was confirmed when it was refused; nil where there was nothing.
	Base, Mine, Theirs codec.Raw
	// Elided says that a value is left out since it, or all of them together, are too large.
	Elided bool
}

// Bounds of the values of one work.
const maxDifferences = 1 << 20

// Inbox is the client's inbox.
func (c *Client) Inbox() *Inbox { return &Inbox{client: c} }

// Items are what is in the inbox now, in the order of submission.
func (b *Inbox) Items() []InboxItem {
	b.client.mu.Lock()
	defer b.client.mu.Unlock()
	return b.list()
}

func (b *Inbox) list() []InboxItem {
	items := make([]InboxItem, len(b.client.works.items))
	for i, k := range b.client.works.items {
		items[i] = InboxItem{
			ID: k.ID, Name: k.Name, Arguments: slices.Clone(k.Arguments), Objects: slices.Clone(k.Objects),
			Err: k.Err, Made: k.Made, Refused: k.Refused,
		}
		for _, d := range k.Differences {
			items[i].Differences = append(items[i].Differences, Difference{
				Object: d.Object, Path: slices.Clone(d.Path), Elided: d.Elided,
				Base: slices.Clone(d.Base), Mine: slices.Clone(d.Mine), Theirs: slices.Clone(d.Theirs),
			})
		}
	}
	return items
}

// Changes yields what is in the inbox, and again whenever that has changed, until ctx is done or the client is closed (the error is the last
// thing yielded). Who is slow sees the latest only.
func (b *Inbox) Changes(ctx context.Context) iter.Seq2[[]InboxItem, error] {
	c := b.client
	return func(yield func([]InboxItem, error) bool) {
		changed := make(chan struct{}, 1)
		c.mu.Lock()
		c.works.watchers[changed] = struct{}{}
		c.mu.Unlock()
		defer func() {
			c.mu.Lock()
			delete(c.works.watchers, changed)
			c.mu.Unlock()
		}()
		for {
			c.mu.Lock()
			items, closed := b.list(), c.closed
			c.mu.Unlock()
			if closed {
				yield(nil, errClientClosed)
				return
			}
			if ctx.Err() != nil || !yield(items, nil) {
				return
			}
			c.world.Until(func() bool { return len(changed) > 0 || ctx.Err() != nil })
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// changed tells those who watch the inbox.
func (s *works) changed() {
	for w := range s.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// Retry runs a refused work anew, on what is there now, as a new Work; the item goes in the same write that stores it. If the function's run
// fails, its error is returned and the item stays. ErrInvalid: there is no such item, or its name is not registered.
func (b *Inbox) Retry(ctx context.Context, id string) (*Work, error) { return b.retry(ctx, id, nil) }

// RetryWith is Retry with other arguments, of the type that the transaction takes.
func (b *Inbox) RetryWith(ctx context.Context, id string, in any) (*Work, error) {
	arguments, err := encodeArguments(in)
	if err != nil {
		return nil, err
	}
	return b.retry(ctx, id, arguments)
}

// Discard drops an item for good. ErrInvalid: there is no such item.
func (b *Inbox) Discard(id string) error {
	c := b.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClientClosed
	}
	if c.works.item(id) == nil {
		return errNoItem(id)
	}
	c.take(id)
	c.pump()
	return nil
}

func errNoItem(id string) *status.Error {
	return status.New(status.NotFound, ErrInvalid, "there is no %q in the inbox", id)
}

func (s *works) item(id string) *keep.Item {
	if i := slices.IndexFunc(s.items, func(k *keep.Item) bool { return k.ID == id }); i >= 0 {
		return s.items[i]
	}
	return nil
}

// take removes an item.
func (c *Client) take(id string) {
	s := &c.works
	i := slices.IndexFunc(s.items, func(k *keep.Item) bool { return k.ID == id })
	s.bytes -= len(keep.AppendItem(s.items[i]))
	s.items = slices.Delete(s.items, i, i+1)
	c.disk.erase(keep.ItemPrefix+id, s.held[id])
	s.changed()
}

func (b *Inbox) retry(ctx context.Context, id string, arguments codec.Raw) (*Work, error) {
	c := b.client
	c.world.Lock(&c.running)
	defer c.running.Unlock()
	c.mu.Lock()
	k := c.works.item(id)
	switch {
	case c.closed:
		c.mu.Unlock()
		return nil, errClientClosed
	case k == nil:
		c.mu.Unlock()
		return nil, errNoItem(id)
	case c.works.held[id] && c.disk.failing != nil:
		c.mu.Unlock()
		return nil, status.New(status.Unavailable, "", "the storage fails, and may still hold this work: if it were done again here, the next process could repeat it")
	case c.works.registry[k.Name] == nil:
		c.mu.Unlock()
		return nil, errNoName
	}
	if arguments == nil {
		arguments = k.Arguments
	}
	uses := make([]*shared, len(k.Objects))
	for i, name := range k.Objects {
		uses[i] = c.share(name)
		uses[i].users++
	}
	c.pump()
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range uses {
			c.drop(s)
		}
		c.pump()
	}()
	c.runEarlier(uses)
	check := func() *status.Error {
		if c.works.item(id) == nil {
			return errNoItem(id)
		}
		return nil
	}
	// The item makes the room that the work takes. As long as the storage may hold the item, the work must not be sent: if the process ended
	// then, the next one would have it in the inbox, though it is done.
	w, err := c.first(ctx, c.works.registry[k.Name], uses, arguments, check, func(w *work) {
		if c.works.held[id] {
			w.kept = []run{{}}
		}
		c.take(id)
	})
	if err != nil {
		return nil, err
	}
	return w, w.untilStored(ctx)
}

// refuse moves a work to the inbox.
func (c *Client) refuse(w *work, err *status.Error) {
	k := &keep.Item{Work: w.Work, Refused: c.world.Now().Truncate(time.Microsecond)}
	k.Work.Err, k.Work.Changes, k.Work.Sent, k.Work.Hidden = err, nil, false, false
	k.Work.Transaction.Sequence = 0
	bytes := 0
	for _, d := range w.Changes {
		d.Theirs = nil
		bytes += len(d.Base) + len(d.Mine)
		if state, ok := c.core.State(d.Object); ok {
			d.Theirs = kept(&d, &bytes, state.Confirmed.Find(d.Path))
		}
		k.Differences = append(k.Differences, d)
	}
	if len(w.kept) > 0 {
		c.works.held[w.ID] = true
	}
	c.works.remove(w)
	record := keep.AppendItem(k)
	c.works.bytes += len(record)
	at, _ := slices.BinarySearchFunc(c.works.items, k.ID, func(x *keep.Item, id string) int {
		if x.ID < id {
			return -1
		}
		return 1
	})
	c.works.items = slices.Insert(c.works.items, at, k)
	c.disk.erase(keep.WorkPrefix+w.ID, len(w.kept) > 0)
	c.disk.put(keep.ItemPrefix+w.ID, record)
	c.disk.after(func() { c.letGo(w) })
	w.handle.finish(nil, err)
	c.works.changed()
}

// kept is the value of a node as a difference keeps it.
func kept(d *keep.Difference, bytes *int, n *tree.Node) codec.Raw {
	if n == nil {
		return nil
	}
	if size := n.Size(); size > keep.MaxValue || *bytes+size > maxDifferences {
		d.Elided = true
		return nil
	}
	value := n.Value()
	*bytes += len(value)
	return value
}
