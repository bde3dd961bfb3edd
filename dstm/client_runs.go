package dstm

import (
	"context"
	"errors"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

var (
	errRetryNamed = status.New(status.FailedPrecondition, ErrInvalid, "a transaction with a name cannot wait: Retry is for Update")
	errNoName     = status.New(status.NotFound, ErrInvalid, "no transaction of this name is among ClientOptions.Transactions")
)

// submitNamed runs a transaction for the first time and queues it.
func (c *Client) submitNamed(ctx context.Context, d *named, handles []*clientObject, arguments codec.Raw) (*Work, error) {
	if c.works.registry[d.name] != d { // never changes
		return nil, errNoName
	}
	c.world.Lock(&c.running)
	defer c.running.Unlock()
	var uses []*shared
	for _, h := range handles {
		uses = append(uses, h.replica)
	}
	c.runEarlier(uses)
	begin := func() *status.Error {
		for _, h := range handles {
			if h.err != nil {
				return h.err
			}
		}
		return nil
	}
	w, err := c.first(ctx, d, uses, arguments, begin, nil)
	if err != nil {
		return nil, err
	}
	return w, w.untilStored(ctx)
}

// untilStored waits until the work is stored, or will not be.
func (w *Work) untilStored(ctx context.Context) error {
	w.client.world.Until(func() bool { return world.Closed(w.stored) || ctx.Err() != nil })
	select {
	case <-w.stored:
		return nil
	case <-ctx.Done():
		return status.From(context.Cause(ctx)).MaybeDone()
	}
}

// first is a work's first run. check says whether it may be; with is called when it is queued, with the mutex held.
func (c *Client) first(ctx context.Context, d *named, uses []*shared, arguments codec.Raw, check func() *status.Error, with func(*work)) (*Work, error) {
	names := make([]string, len(uses))
	for i, s := range uses {
		names[i] = s.name
	}
	for range DefaultAttempts {
		if err := ctx.Err(); err != nil {
			return nil, status.From(context.Cause(ctx))
		}
		c.mu.Lock()
		err := check()
		if err == nil && c.closed {
			err = errClientClosed
		}
		views, ready, why := c.viewsNow(uses)
		c.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case why != nil:
			return nil, why
		}
		var t *transaction
		if ready {
			t = newTransaction(views, false)
			if err := c.run(t, d, arguments); err != nil {
				return nil, err
			}
		}
		w, err := c.begun(d, uses, names, arguments, t, check, with)
		switch {
		case err == nil:
			return w, nil
		case !lost(err):
			return nil, err
		}
	}
	return nil, status.New(status.Aborted, ErrConflict, "other transactions of this client change what it reads all the time")
}

// run runs the function of a named transaction.
func (c *Client) run(t *transaction, d *named, arguments codec.Raw) error {
	t.home, t.random = c, c.world.Random
	err := t.run(func(tx *Tx) error { return d.run(tx, arguments) })
	if t.retrying {
		return errRetryNamed
	}
	return err
}

// begun queues a work after its first run; without a run, or with one that must wait, it is to be run later.
func (c *Client) begun(d *named, uses []*shared, names []string, arguments codec.Raw, t *transaction, check func() *status.Error, with func(*work)) (*Work, *status.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := check(); err != nil {
		return nil, err
	}
	if c.closed {
		return nil, errClientClosed
	}
	w := c.newWork(d, names, arguments)
	switch {
	case t != nil && len(t.awaited) == 0 && !t.writes():
		w.handle.finish(t.seen(), nil)
		close(w.handle.stored)
		if with != nil {
			with(w)
		}
		c.pump()
		return w.handle, nil
	case t != nil && len(t.awaited) == 0:
		if err := c.launch(w, t, with == nil); err != nil {
			return nil, err
		}
	default:
		if err := c.fits(len(arguments) + 1024); err != nil && with == nil {
			return nil, err
		}
		if t != nil {
			w.awaited = t.awaited
		}
	}
	for _, s := range uses {
		s.users++
	}
	w.uses = slices.Clone(uses)
	if with != nil {
		with(w)
	}
	c.queue(w)
	c.pump()
	return w.handle, nil
}

// viewsNow are the views of objects if they are there and of one position; why says that they will not be.
func (c *Client) viewsNow(uses []*shared) (views []*view, ready bool, why *status.Error) {
	names := make([]string, len(uses))
	for i, s := range uses {
		switch {
		case s.err != nil:
			return nil, false, s.err
		case !s.isReady():
			return nil, false, nil
		}
		names[i] = s.name
		views = append(views, s.present())
		if views[i] == nil {
			return nil, false, nil
		}
		if views[i].log != views[0].log {
			return nil, false, errTwoLogs(views[0], views[i])
		}
	}
	return views, c.core.Steady(names), nil
}

// kick has a goroutine run what is to be run, if there is something.
func (c *Client) kick() {
	if c.works.working || c.closed || c.nextRun(nil) == nil {
		return
	}
	c.works.working = true
	c.world.Go(func() {
		for c.runNext() {
		}
	})
}

// runNext runs one work; false if there is none.
func (c *Client) runNext() bool {
	c.world.Lock(&c.running)
	defer c.running.Unlock()
	c.mu.Lock()
	w := c.nextRun(nil)
	if w == nil || c.closed {
		c.works.working = false
		c.mu.Unlock()
		return false
	}
	c.mu.Unlock()
	c.rerun(w)
	return true
}

// runEarlier runs what was submitted before on one of these objects and is to be run, so that it goes first.
func (c *Client) runEarlier(uses []*shared) {
	tried := map[*work]bool{}
	for {
		c.mu.Lock()
		w := c.nextRun(func(w *work) bool {
			return !tried[w] && slices.ContainsFunc(w.uses, func(s *shared) bool { return slices.Contains(uses, s) })
		})
		c.mu.Unlock()
		if w == nil {
			return
		}
		tried[w] = true
		c.rerun(w)
	}
}

// nextRun is the first work that can be run now: what was submitted later on an object waits for what was earlier. Hurry,
// if set, chooses works that need not wait for the end of their pause.
func (c *Client) nextRun(hurry func(*work) bool) *work {
	var blocked []string
	for _, w := range c.works.order {
		if !w.waits() {
			continue
		}
		free := !slices.ContainsFunc(w.Objects, func(name string) bool { return slices.Contains(blocked, name) })
		if free && (hurry == nil && !w.paused || hurry != nil && hurry(w)) && c.runnable(w) {
			return w
		}
		blocked = append(blocked, w.Objects...)
	}
	return nil
}

// runnable reports whether a run of the work now leads to something.
func (c *Client) runnable(w *work) bool {
	views, ready, why := c.viewsNow(w.uses)
	if why != nil {
		return !passes(why)
	}
	if c.disk.failing != nil && len(w.kept) > 0 {
		return false // see hazard
	}
	if w.named == nil {
		return true
	}
	return ready && !slices.ContainsFunc(views, func(v *view) bool { return v.strict && v.shows(w.awaited) })
}

// rerun runs a work again: after a refusal, in a later process, or when its objects are there.
func (c *Client) rerun(w *work) {
	for range DefaultAttempts {
		c.mu.Lock()
		if c.closed || !w.waits() || !slices.Contains(c.works.order, w) {
			c.mu.Unlock()
			return
		}
		views, ready, why := c.viewsNow(w.uses)
		if why == nil && w.named == nil {
			why = errNoName.Because(w.Err)
			if w.Err == nil {
				why = errNoName
			}
		}
		if why != nil && !passes(why) {
			c.refuse(w, why)
			c.pump()
		}
		c.mu.Unlock()
		if why != nil || !ready {
			return
		}
		t := newTransaction(views, false)
		if err := c.run(t, w.named, w.Arguments); err != nil {
			c.concluded(w, func() { c.refuse(w, own(err)) })
			return
		}
		again := false
		c.concluded(w, func() {
			switch {
			case len(t.awaited) > 0:
				w.awaited = t.awaited
			case !t.writes():
				w.handle.finish(t.seen(), nil)
				c.remove(w, nil)
			default:
				switch err := c.launch(w, t, false); {
				case err == nil:
					c.store(w)
				case lost(err):
					again = true
				case err.Is(ErrBusy), passes(err):
					c.pauseWork(w, busyPause)
				default:
					c.refuse(w, err)
				}
			}
		})
		if !again {
			return
		}
	}
	c.concluded(w, func() { c.pauseWork(w, busyPause) })
}

// own is the error of a user's function, whose text stays in this client.
func own(err error) *status.Error {
	var coded *status.Error
	if errors.As(err, &coded) {
		return coded
	}
	return status.New(status.Unknown, "", "%v", err).Because(err)
}

// concluded does what follows from a run, if the work is still there.
func (c *Client) concluded(w *work, what func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed && w.waits() && slices.Contains(c.works.order, w) {
		what()
		c.pump()
	}
}
