package dstm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/keep"
	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// maxWorkBytes bounds the records of works and of the inbox together.
const maxWorkBytes = 16 << 20

// Pauses of works that are to run again.
const (
	busyPause  = 100 * time.Millisecond
	unopenable = time.Second
)

// newWork makes a work that is not yet queued.
func (c *Client) newWork(d *named, names []string, arguments codec.Raw) *work {
	c.works.last = max(c.works.last, c.core.Last()) + 1
	w := &work{named: d}
	w.Work = keep.Work{
		ID: fmt.Sprintf("%016x", c.works.last), Name: d.name, Arguments: arguments, Objects: names,
		Made: c.world.Now().Truncate(time.Microsecond),
	}
	w.Metadata = d.metadata
	w.handle = c.handle(w)
	return w
}

func (c *Client) handle(w *work) *Work {
	return &Work{id: w.ID, name: w.Name, objects: w.Objects, client: c, done: make(chan struct{}), stored: make(chan struct{})}
}

// fits reports whether there is room for the record of a work.
func (c *Client) fits(size int) *status.Error {
	s := &c.works
	if len(s.order)+len(s.items) >= c.maxPending || s.bytes+size > maxWorkBytes {
		return status.New(status.ResourceExhausted, ErrBusy, "%d works wait, and %d in the inbox", len(s.order), len(s.items))
	}
	return nil
}

// queue adds a new work, and has it stored.
func (c *Client) queue(w *work) {
	c.works.order = append(c.works.order, w)
	c.store(w)
	c.disk.after(func() {
		w.handle.durable = c.disk.active() && c.disk.failing == nil
		close(w.handle.stored)
	})
}

// store puts the record of a work.
func (c *Client) store(w *work) {
	record := keep.AppendWork(&w.Work)
	c.works.size(w, len(record))
	c.disk.put(keep.WorkPrefix+w.ID, record)
}

// due has what can be sent stored as what may have been sent, and then go.
func (c *Client) due() {
	if c.closed {
		return
	}
	for _, sequence := range c.core.Due() {
		w := c.works.runs[sequence]
		w.Sent = true
		c.store(w)
		c.disk.after(func() {
			if c.disk.failing != nil && w.hazard() {
				if w.Sequence == sequence && c.core.Withdraw(sequence) {
					delete(c.works.runs, sequence)
					c.requeue(w, 0, status.From(c.disk.failing))
				}
				return
			}
			c.core.Allow(sequence)
		})
	}
}

// launch gives a run of a work to the core, which shows it. A conflict means that it is to be run anew.
func (c *Client) launch(w *work, t *transaction, bounded bool) *status.Error {
	if len(t.after) > txn.MaxAfter {
		return status.New(status.ResourceExhausted, ErrBusy, "the transaction depends on more than %d unanswered ones", txn.MaxAfter)
	}
	tx, known, _ := t.assemble(false)
	tx.Metadata, tx.Attempt = w.Metadata, uint64(w.Attempts+1)
	next := w.Work
	next.Log, next.Sent, next.Hidden, next.Transaction = t.facets[0].view.log, false, false, *tx
	next.Changes = t.changes()
	if bounded {
		next.Sequence = c.core.Last() + 1
		if err := c.fits(len(keep.AppendWork(&next))); err != nil {
			return err
		}
	}
	sequence, _, err := c.core.SubmitDurable(*tx, known)
	if err != nil {
		return err
	}
	next.Sequence, next.Hidden = sequence, c.core.Hidden(sequence)
	w.Work, w.awaited = next, nil
	c.works.runs[sequence] = w
	return nil
}

// changes are the paths that a run has written, with what it found and left there.
func (t *transaction) changes() (list []keep.Difference) {
	bytes := 0
	for _, facet := range t.facets {
		seen := map[string]bool{}
		for i := range facet.part.Writes {
			path := facet.part.Writes[i].Target()
			if seen[path.String()] {
				continue
			}
			seen[path.String()] = true
			d := keep.Difference{Object: facet.view.object, Path: path}
			d.Base = kept(&d, &bytes, facet.view.root.Find(path))
			d.Mine = kept(&d, &bytes, facet.root.Find(path))
			list = append(list, d)
		}
	}
	return list
}

// settled takes the answer to the run of a work. The event's room is used again.
func (c *Client) settled(w *work, e *replica.Event) {
	if e.Err == nil {
		w.landing, w.commits = true, commitsOf(w, e)
		w.handle.finish(w.commits, nil)
		return
	}
	sequence := e.Sequence
	delete(c.works.runs, sequence)
	c.disk.after(func() { c.core.Release(sequence) })
	err := e.Err
	switch {
	case err.Is(ErrConflict), err.Is(ErrDepends):
		if err.Is(ErrConflict) {
			err = newConflict(e.Conflicts)
		}
		if e.Sent {
			w.Attempts++
		}
		if w.named != nil && w.Attempts >= w.named.attempts {
			c.refuse(w, err)
			return
		}
		c.requeue(w, w.Attempts, err)
	case err.Is(ErrStaleSequence), err.Is(ErrSequenceReused):
		// While this process is the only one, the server forgets no commit before it was heard of: it was refused. But what was
		// restored from an older copy of the storage may have been heard of, and settled.
		if e.Restored {
			c.refuse(w, err.MaybeDone())
			return
		}
		c.requeue(w, patience, err)
	case err.Unknown:
		if e.Sent || e.Restored {
			c.refuse(w, err)
			return
		}
		c.requeue(w, 0, err)
	case err.Is(ErrBusy), err.Is(ErrClosed):
		c.requeue(w, patience, err)
	default:
		c.refuse(w, err)
	}
}

// commitsOf are the commits of all objects of a work, those first that it was submitted on first.
func commitsOf(w *work, e *replica.Event) []Commit {
	commits := make([]Commit, len(w.Objects))
	for i, name := range w.Objects {
		commits[i] = Commit{Log: e.Log, Epoch: e.Epoch, Position: Position(e.Position)}
		for _, m := range e.Made {
			if m.Object == name {
				commits[i].Version = m.Version
			}
		}
	}
	return commits
}

// landed ends a work that is committed, and whose objects show that.
func (c *Client) landed(sequence uint64) {
	w := c.works.runs[sequence]
	if w == nil {
		return
	}
	delete(c.works.runs, sequence)
	for i, commit := range w.commits {
		if w.writes(w.Objects[i]) {
			c.cache.behind(w.Objects[i], commit.Epoch, commit.Version)
		}
	}
	c.remove(w, func() { c.core.Release(sequence) })
}

// remove takes a work away; in the batch that deletes it, its objects are stored, too.
func (c *Client) remove(w *work, then func()) {
	c.works.remove(w)
	c.disk.erase(keep.WorkPrefix+w.ID, len(w.kept) > 0)
	c.disk.after(func() {
		if then != nil {
			then()
		}
		c.letGo(w)
	})
}

// letGo ends a work's use of its objects.
func (c *Client) letGo(w *work) {
	for _, s := range w.uses {
		c.drop(s)
	}
	w.uses = nil
}

// requeue has a work run again, after a pause that grows with the attempts.
func (c *Client) requeue(w *work, attempts int, why *status.Error) {
	metadata := w.Metadata
	w.Log, w.Sent, w.Hidden, w.Transaction, w.Err = "", false, false, txn.Transaction{Metadata: metadata}, why
	c.store(w)
	switch {
	case attempts >= patience:
		c.pauseWork(w, busyPause)
	case attempts > 1 && !why.Is(ErrConflict):
		c.pauseWork(w, time.Millisecond<<min(attempts-1, 6))
	}
}

func (c *Client) pauseWork(w *work, most time.Duration) {
	if c.closed {
		return
	}
	if w.unpause != nil {
		w.unpause()
	}
	w.paused = true
	w.unpause = c.world.After(most/2+c.world.Jitter(most), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		w.paused, w.unpause = false, nil
		c.pump()
	})
}

// reopen has the works' objects opened again that ended for a reason that may pass.
func (c *Client) reopen() {
	for _, w := range c.works.order {
		for i, s := range w.uses {
			if s.err != nil && passes(s.err) {
				w.uses[i] = c.share(s.name)
				w.uses[i].users++
			}
		}
	}
}

// passes reports whether an object that could not be opened for this reason may be later.
func passes(err *status.Error) bool {
	return err.Code == status.Unavailable || err.Code == status.ResourceExhausted && !err.Is(ErrTooLarge)
}

// hazard reports whether the storage may hold another run of the work than the present one, or say that this one was never sent. While the
// storage fails, such a run must not be sent: if the process ended then, the next one would find the other run refused, or send this one as new to a
// server that has forgotten the client, and do it all once more.
func (w *work) hazard() bool {
	return slices.ContainsFunc(w.kept, func(r run) bool { return r != run{w.Sequence, true} })
}

// written are the works whose records are about to be written, and the runs there.
func (s *works) written(puts map[string][]byte) map[*work]run {
	written := map[*work]run{}
	for _, w := range s.order {
		if puts[keep.WorkPrefix+w.ID] != nil {
			written[w] = w.run()
		}
	}
	return written
}

// keep notes which runs and items the storage may hold now.
func (s *works) keep(puts map[string][]byte, written map[*work]run, err error) {
	for key, value := range puts {
		if id, ok := strings.CutPrefix(key, keep.ItemPrefix); ok && value != nil {
			s.held[id] = true
		} else if ok && err == nil {
			delete(s.held, id)
		}
	}
	for w, r := range written {
		switch {
		case err == nil:
			w.kept, w.handle.durable = []run{r}, true // also if the storage failed when it was submitted
		case !errors.Is(err, transport.ErrStorageClosed) && !slices.Contains(w.kept, r):
			w.kept = append(w.kept, r)
		}
	}
}

// uses reports whether a work is about an object.
func (s *works) uses(name string) bool {
	return slices.ContainsFunc(s.order, func(w *work) bool { return slices.Contains(w.Objects, name) })
}
