package simtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

// work is a transaction with a name that a client submits once. The name is the tag, too.
type work struct {
	s          *simulation
	client     *client
	tag        string
	seed       uint64
	names      []string // of its objects
	op         func(*operation) error
	definition *dstm.Transaction[uint64]

	begun     bool // Submit was called; it may have been for nothing, if the process ended meanwhile
	refused   bool // Submit has returned an error: there is none
	stored    bool // it was reported stored
	committed bool // it was told to be
	discarded bool // from the inbox
	since     uint64
	began     int    // how often the log had been put back
	told      int    // likewise, when it was told to be committed
	version   uint64 // of its first object, by its commit
}

// workOperations are what works do. Each may run in a later process, so they wait for nothing.
var workOperations = []func(*operation) error{
	(*operation).transfer, (*operation).pay, (*operation).increment, (*operation).places, (*operation).skew, (*operation).members,
	(*operation).below, (*operation).overwrite, (*operation).insert, (*operation).move, (*operation).element,
}

// mostWorks is how many works a client with a storage submits at most.
const mostWorks = 16

// chooseStorages gives some of the clients a storage, and works.
func (s *simulation) chooseStorages() {
	k := s.k
	s.writing = pick(k, 100*time.Microsecond, 5*time.Millisecond, 40*time.Millisecond)
	s.unwritten = pick(k, 20, 100, 1_000)
	for _, c := range s.clients {
		if !k.chance(4) {
			continue
		}
		c.storage = newStorage(s, c.number)
		c.id = c.storage.key.Client()
		for i := range 1 + k.rng.IntN(mostWorks) {
			c.works = append(c.works, s.newWork(c, fmt.Sprintf("work/%d/%d", c.number, i)))
		}
	}
}

func (s *simulation) newWork(c *client, tag string) *work {
	k := s.k
	w := &work{s: s, client: c, tag: tag, seed: k.rng.Uint64() >> 1, op: workOperations[k.rng.IntN(len(workOperations))]}
	objects := 1
	if len(s.objects) > 1 && k.chance(3) {
		objects, w.op = 2+k.rng.IntN(len(s.objects)-1), (*operation).across
	}
	for _, i := range k.rng.Perm(len(s.objects))[:objects] {
		w.names = append(w.names, s.objects[i])
	}
	options := []dstm.UpdateOption{dstm.Metadata(map[string]string{witness.Tag: tag})}
	if k.chance(3) {
		options = append(options, dstm.MaxAttempts(1+k.rng.IntN(3)))
	}
	w.definition = dstm.NewTransaction(tag, w.run, options...)
	return w
}

// run is the work's function.
func (w *work) run(raw *dstm.Tx, seed uint64) error {
	run := &operation{s: w.s, u: &user{s: w.s, who: w.client.owner.name}, seed: seed, state: seed, names: w.names, tag: w.tag}
	for _, name := range w.names {
		run.txs = append(run.txs, &tx{Tx: raw.InNamed(name), object: name, reads: &run.out.Reads})
	}
	if err := w.op(run); err != nil {
		return err
	}
	for _, t := range run.txs {
		if len(t.wrote) > 0 {
			return nil
		}
	}
	run.txs[0].Add(1, nil, nil, inMaps, "count") // what writes nothing is nowhere in the log
	return nil
}

// options are those of a client's next process.
func (c *client) options() *dstm.ClientOptions {
	if c.storage == nil {
		return nil
	}
	o := &dstm.ClientOptions{Storage: c.storage, Logger: quiet}
	for _, w := range c.works {
		o.Transactions = append(o.Transactions, w.definition)
	}
	return o
}

// restored takes up what a process before has left, before there is a connection.
func (c *client) restored() {
	busy, ended := map[string]bool{}, map[*work]bool{}
	for _, w := range c.works {
		ended[w] = w.stored && w.committed
	}
	for _, pending := range c.dstm.Pending() {
		c.s.count.add("works restored")
		for _, name := range pending.Objects() {
			busy[name] = true
		}
		w := c.workOf(pending.Name())
		ended[w] = false
		c.s.k.spawn(c.owner, func() { w.wait(pending) })
	}
	for _, w := range c.watched() {
		o, err := openCached(c.dstm, w.name)
		if err != nil {
			continue
		}
		c.opened(w.name, o)
		c.s.count.add("objects restored")
		c.there(w.name, o.Head().Version, ended)
		if busy[w.name] || c.s.restores > 0 { // predictions are on top, or it is of a history that is gone
			continue
		}
		err = o.View(func(tx *dstm.Tx) error {
			c.s.record.See(witness.Seen{Object: w.name, Version: tx.Version(), Path: w.path, Value: tx.Read(w.path...)})
			return tx.Err()
		})
		if err != nil {
			c.s.k.fail("client %d cannot view the %s that it has stored: %v", c.number, w.name, err)
		}
	}
}

// there fails if a work is gone from the storage that the stored object does not hold: an edit would vanish.
func (c *client) there(name string, version uint64, ended map[*work]bool) {
	for _, w := range c.works {
		if ended[w] && w.version > version && w.names[0] == name && c.s.restores == 0 && c.storage.failed == 0 {
			c.s.k.fail("client %d has %s stored at version %d, and has forgotten %s, which made version %d", c.number, name, version, w.tag, w.version)
		}
	}
}

// openCached opens what is there without a connection.
func openCached(c *dstm.Client, name string) (dstm.Object, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return c.Open(ctx, name)
}

func (c *client) workOf(name string) *work {
	for _, w := range c.works {
		if w.tag == name {
			return w
		}
	}
	c.s.k.fail("client %d has a work called %s", c.number, name)
	panic(killed{})
}

// submitAll submits the client's works one after the other.
func (c *client) submitAll() {
	k := c.s.k
	objects := map[string]dstm.Object{}
	for _, w := range c.works {
		if w.begun {
			continue
		}
		k.pause(k.between(0, 10*c.s.think))
		var each []dstm.Object
		for _, name := range w.names {
			if objects[name] == nil {
				objects[name] = c.open(name)
			}
			each = append(each, objects[name])
		}
		w.begun, w.since, w.began = true, c.s.record.Head(), c.s.restores
		pending, err := w.definition.SubmitAll(context.Background(), each, w.seed)
		k.note("client %d submits %s on %v: %v", c.number, w.tag, w.names, err)
		if err != nil {
			w.refused = true
			if !allowed(err) {
				k.fail("client %d cannot submit %s: %v", c.number, w.tag, err)
			}
			clear(objects)
			continue
		}
		c.s.count.add("works submitted")
		if len(w.names) > 1 {
			c.s.count.add("works of several objects")
		}
		if c.conn == nil {
			c.s.count.add("works submitted offline")
		}
		w.stored = pending.Durable()
		k.spawn(c.owner, func() { w.wait(pending) })
	}
}

// wait hears what becomes of a work.
func (w *work) wait(pending *dstm.Work) {
	s := w.s
	commit, err := pending.Wait(context.Background())
	s.k.note("client %d: %s ends: %v, %v", w.client.number, w.tag, commit, err)
	if err != nil || w.committed { // what is in the inbox is judged in the end
		return
	}
	s.count.add("works committed")
	w.committed, w.told = true, s.restores
	if at := uint64(commit.Position); s.restores > 0 && (at > s.disks.head() || tagOf(s.disks.entries[at-1]) != w.tag) {
		w.told = -1 // the answer was on its way when the log was put back
		return
	}
	out := witness.Outcome{Tag: w.tag, Position: uint64(commit.Position), Since: w.since}
	w.version = commit.Version
	if len(w.names) == 1 {
		out.Object, out.Version = w.names[0], commit.Version
	}
	if w.began != s.restores {
		out.Since = 0
	}
	s.record.Add(out, nil)
}

// decide is somebody who looks into the inbox now and then.
func (c *client) decide() {
	k := c.s.k
	for !c.s.calm {
		k.pause(k.between(0, 40*c.s.think))
		inbox := c.dstm.Inbox()
		for _, item := range inbox.Items() {
			w := c.workOf(item.Name)
			switch {
			case item.Err.Unknown: // it may have taken effect
			case k.chance(4):
				w.discarded = true
				if err := inbox.Discard(item.ID); err != nil && !allowed(err) {
					k.fail("client %d: discarding %s: %v", c.number, w.tag, err)
				}
			case k.chance(2):
				again, err := inbox.Retry(context.Background(), item.ID)
				k.note("client %d tries %s once more: %v", c.number, w.tag, err)
				if err == nil {
					c.s.count.add("works retried")
					k.spawn(c.owner, func() { w.wait(again) })
				}
			}
		}
	}
}

// submitted reports whether all works were.
func (c *client) submitted() bool {
	for _, w := range c.works {
		if !w.begun {
			return false
		}
	}
	return true
}

// judgeWorks looks at what became of the works: log has how often each tag was committed.
func (s *simulation) judgeWorks(c *client, log map[string]int) error {
	if pending := c.dstm.Pending(); len(pending) > 0 {
		return fmt.Errorf("has %d works that do not end: %s first", len(pending), pending[0].Name())
	}
	if err := c.dstm.StorageErr(); err != nil {
		return fmt.Errorf("ends with a storage that fails: %w", err)
	}
	inbox := map[string]*status.Error{}
	for _, item := range c.dstm.Inbox().Items() {
		if inbox[item.Name] != nil {
			return fmt.Errorf("has %s twice in the inbox", item.Name)
		}
		inbox[item.Name] = item.Err
	}
	for _, w := range c.works {
		if err := w.judge(log[w.tag], inbox[w.tag]); err != nil {
			return err
		}
	}
	return nil
}

// judge demands that a work that was stored is committed once or in the inbox. What was committed and lost when the log was put back is not the client's to tell.
func (w *work) judge(commits int, why *status.Error) error {
	s := w.s
	if why != nil {
		s.count.add("works in the inbox")
		if why.Unknown {
			s.count.add("works unknown")
		}
	}
	forgetful := s.store.MaxClients < 1000 || s.restores > 0 || w.client.storage.failed > 0
	switch {
	case commits > 1:
		return fmt.Errorf("has %s committed %d times", w.tag, commits)
	case commits > 0 && w.refused:
		return fmt.Errorf("was told that there is no %s, which is committed", w.tag)
	case why != nil && !why.Unknown && commits > 0:
		return fmt.Errorf("has %s, which is committed, in the inbox: %v", w.tag, why)
	case why != nil && why.Unknown && !forgetful && (commits > 0 || !why.Is(dstm.ErrStaleSequence)):
		// Of a process before, the client does not trust its storage to know what was settled (record 16, 5), so that what was refused, unheard,
		// may end so. But what was committed the server remembers until the client has stored its end.
		return fmt.Errorf("does not know about %s though nobody forgot anything: %v", w.tag, why)
	case why == nil && commits == 0 && w.stored && !w.discarded && !(w.committed && w.told != s.restores):
		return fmt.Errorf("has lost %s", w.tag)
	}
	return nil
}

// reopened starts one more process of a client with what it has stored, and without a connection: it must show what the log holds.
func (s *simulation) reopened(c *client, compare func(o dstm.Object, w watch) error) error {
	again := &client{s: s, number: c.number, id: c.id, works: c.works, storage: c.storage.copy()}
	again.owner = &owner{name: fmt.Sprintf("client %d once more", c.number)}
	done := false
	var err error
	s.k.spawn(again.owner, func() {
		defer func() { done = true }()
		again.dstm = world.NewClient(s.k.world(again.owner, s.count), again.options()).(*dstm.Client)
		if n := len(again.dstm.Pending()); n > 0 {
			err = fmt.Errorf("has %d works stored that have ended", n)
		}
		if a, b := len(again.dstm.Inbox().Items()), len(c.dstm.Inbox().Items()); a != b && err == nil {
			err = fmt.Errorf("has %d items of the inbox stored, and %d in memory", a, b)
		}
		for _, w := range c.watched() {
			o, missing := openCached(again.dstm, w.name)
			if missing != nil {
				err = errors.Join(err, fmt.Errorf("has %s open, and not stored", w.name))
				continue
			}
			err = errors.Join(err, compare(o, w))
		}
	})
	for s.k.settle(); !done && s.k.fault == nil && s.k.step(); {
	}
	s.k.kill(again.owner)
	return err
}
