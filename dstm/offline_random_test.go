package dstm_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/transport"
)

// mark is what a work leaves: how often it took effect is counted under its tag.
type mark struct {
	Tag  string
	Read string // a key that it reads and writes, "" for none
}

func leave(tx *dstm.Tx, in mark) error {
	if in.Read != "" {
		var n int64
		tx.Lookup(&n, in.Read)
		tx.Set(n+1, in.Read)
	}
	tx.Add(1, nil, nil, "tags", in.Tag)
	return tx.Err()
}

var (
	leaveMark = dstm.NewTransaction("random.mark", leave)
	leaveOnce = dstm.NewTransaction("random.once", leave, dstm.MaxAttempts(1))
	leaveBoth = dstm.NewTransaction("random.both", func(tx *dstm.Tx, in mark) error {
		if err := leave(tx, in); err != nil {
			return err
		}
		other := tx.InNamed("b")
		other.Add(1, nil, nil, "tags", in.Tag)
		return other.Err()
	})
	marks = []dstm.Named{leaveMark, leaveOnce, leaveBoth}
)

// TestRandomOffline runs a client through work with and without a connection, ends of its process at every moment of its writing, restarts,
// and cuts, and then lets it finish. Every work that was reported stored took effect once, or is in the inbox.
func TestRandomOffline(t *testing.T) {
	leak.Check(t)
	runs := 1000
	if testing.Short() {
		runs = 60
	}
	first := seedOf(t)
	sum := map[string]int{}
	for i := range runs {
		r := &randomRun{h: &hall{t: t, ctx: testContext(t)}, seed: first + uint64(i), sum: sum}
		if r.run(); t.Failed() {
			t.Fatalf("run %d of %d has the seed %d", i, runs, r.seed)
		}
	}
	t.Log(sum)
	for _, what := range []string{"stored", "committed", "inbox", "crashes", "restored works"} {
		if sum[what] == 0 {
			t.Errorf("no %s in %d runs", what, runs)
		}
	}
}

type randomRun struct {
	h      *hall
	seed   uint64
	rng    *rand.Rand
	p      *process
	o, o2  dstm.Object
	tags   map[string]string // by tag: its work's id, "" if it was not reported stored
	next   int
	sum    map[string]int
	failed bool // a storage failed, and its process went on in memory; guarded by its probe
}

func (r *randomRun) run() {
	h := r.h
	store, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: allowAll, Logger: quiet()})
	if err != nil {
		h.t.Fatal(err)
	}
	h.store, h.server = store, transport.NewServer(&transport.ServerOptions{Logger: quiet()}, store)
	defer func() {
		r.p.stop()
		h.server.Close(context.Background())
		store.Close(context.Background())
	}()
	r.rng = rand.New(rand.NewPCG(r.seed, 1))
	r.tags = map[string]string{}
	r.start(newProbe(), true, true)
	for range 4 + r.rng.IntN(12) {
		r.act()
	}
	r.finish()
}

// start begins a process; a mortal one may end, or have its storage fail, wherever it writes.
func (r *randomRun) start(s *probe, up, mortal bool) {
	h := r.h
	l := &line{dialer: h.server.Pipe(), down: !up}
	if mortal && r.rng.IntN(2) == 0 {
		last, half, goesOn := 1+r.rng.IntN(12), r.rng.IntN(2) == 0, r.rng.IntN(4) == 0
		s.fail = func(n int, changes []transport.StorageChange) error {
			if n < last {
				return nil
			}
			if goesOn { // only the storage ends
				s.dead, r.failed = true, true
				return errors.New("the disk is full")
			}
			l.drop(false)
			s.dead = true
			if half { // it is on the disk, but nobody hears of it
				s.Storage.Apply(changes)
			}
			return errors.New("the process ends now")
		}
	}
	p := &process{&guest{line: l}, s}
	p.Client = dstm.NewClient(&dstm.ClientOptions{Storage: s, Transactions: marks, Logger: quiet()})
	p.conn = transport.Connect("pipe:", &transport.ClientOptions{
		Dialer: p.line, Storage: s, MinBackoff: 1, MaxBackoff: 1000, Logger: quiet(),
	}, p.Client)
	r.p, r.o, r.o2 = p, nil, nil
	r.sum["restored works"] += len(p.Pending())
}

// objects opens what can be opened: without a connection, what is cached. It does not wait for one that will not come any more because the
// process ends meanwhile, in a write of its own.
func (r *randomRun) objects() bool {
	if r.o != nil {
		return true
	}
	ctx, stop := r.p.line.whileUp(r.h.ctx)
	defer stop()
	o, err := r.p.Open(ctx, "a")
	if err != nil {
		return false
	}
	o2, err := r.p.Open(ctx, "b")
	if err != nil {
		o.Close()
		return false
	}
	r.o, r.o2 = o, o2
	return true
}

func (r *randomRun) act() {
	h := r.h
	switch n := r.rng.IntN(20); {
	case n < 9:
		if r.objects() {
			r.submit()
		}
	case n < 11:
		if r.objects() {
			// An update without a name, which dies with the process: what builds on it must not hang.
			ctx, cancel := context.WithCancel(h.ctx)
			done := make(chan struct{})
			go func() {
				defer close(done)
				r.o.Update(ctx, func(tx *dstm.Tx) error { return leave(tx, mark{Tag: "nobody", Read: "x"}) })
			}()
			if r.rng.IntN(2) == 0 {
				r.submit()
			}
			cancel()
			<-done
		}
	case n < 13:
		h.write("a", fmt.Sprint([]string{"x", "y"}[r.rng.IntN(2)]), int64(r.rng.IntN(100)))
	case n < 15:
		up := r.rng.IntN(2) == 0
		r.p.storage.set(func() { r.p.line.drop(up && (!r.p.storage.dead || r.failed)) })
	case n < 17:
		r.p.storage.set(func() {
			if !r.p.storage.dead || r.failed {
				r.p.line.up()
			}
		})
	case n < 18:
		r.p.line.mu.Lock()
		held := r.p.line.held != nil
		r.p.line.mu.Unlock()
		if held {
			r.p.line.let()
		} else {
			r.p.line.hold()
		}
	default:
		r.sum["crashes"]++
		r.start(r.p.crash(), r.rng.IntN(2) == 0, true)
	}
}

func (r *randomRun) submit() {
	for range 1 + r.rng.IntN(3) {
		r.next++
		in := mark{Tag: fmt.Sprint("t", r.next), Read: []string{"", "x", "y"}[r.rng.IntN(3)]}
		var w *dstm.Work
		var err error
		switch r.rng.IntN(4) {
		case 0:
			w, err = leaveOnce.Submit(r.h.ctx, r.o, in)
		case 1:
			w, err = leaveBoth.SubmitAll(r.h.ctx, []dstm.Object{r.o, r.o2}, in)
		default:
			w, err = leaveMark.Submit(r.h.ctx, r.o, in)
		}
		if err != nil {
			r.h.t.Errorf("submit %s: %v", in.Tag, err)
			return
		}
		r.tags[in.Tag] = ""
		if w.Durable() {
			r.sum["stored"]++
			r.tags[in.Tag] = w.ID()
		}
	}
}

// finish lets everything come to its end, in a process whose storage works.
func (r *randomRun) finish() {
	h, t := r.h, r.h.t
	s := r.p.crash()
	for r.start(s, true, false); !r.settle(); r.start(s, true, false) {
		s = r.p.crash()
	}
	if t.Failed() {
		return
	}
	defer func() { // and in a last process, what the store holds
		for s := r.p.crash(); !t.Failed(); s = r.p.crash() {
			r.start(s, true, false)
			if err := r.compare(); err == nil {
				return
			} else if r.p.conn.State().Phase != transport.Closed {
				t.Error(err)
			}
		}
	}()
	h.until(func() bool { return s.count(t, "work/") == 0 })
	inbox := map[string]dstm.InboxItem{}
	for _, i := range r.p.Inbox().Items() {
		inbox[i.ID] = i
	}
	o, err := h.store.Open(h.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	both, err := h.store.Open(h.ctx, "b")
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	for tag, id := range r.tags {
		other := number2(t, both, tag) // first: what was never stored may still commit, in both at once
		n := number2(t, o, tag)
		item, refused := inbox[id]
		switch {
		case n > 1 || other > n:
			t.Errorf("%s took effect %d times in one object, %d in the other", tag, n, other)
		case id == "":
		case refused && !item.Err.Unknown && n != 0:
			t.Errorf("%s took effect, and is in the inbox: %v", tag, item.Err)
		case !refused && n != 1:
			t.Errorf("%s was stored as %s, and is lost", tag, id)
		case refused && item.Err.Unknown && !r.failed:
			t.Errorf("%s is unknown, and no storage has failed: %v", tag, item.Err)
		case refused && item.Err.Unknown:
			r.sum["unknown"]++
		case refused:
			r.sum["inbox"]++
		default:
			r.sum["committed"]++
		}
	}
}

// settle waits until no work is pending. False: the connection has ended for good, since a hello of the process before came later than
// this one's.
func (r *randomRun) settle() bool {
	ctx, cancel := context.WithCancel(r.h.ctx)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for s := range r.p.conn.States(ctx) {
			if s.Phase == transport.Closed {
				cancel()
			}
		}
	}()
	for _, w := range r.p.Pending() {
		if _, err := w.Wait(ctx); err != nil && r.h.ctx.Err() != nil {
			r.h.t.Errorf("%s does not come to its end: %v, %+v", w.ID(), err, r.p.conn.State())
		}
	}
	closed := ctx.Err() != nil && r.h.ctx.Err() == nil
	cancel()
	<-watched
	return !closed
}

// compare opens the object, from the cache, and waits until it is what the store has.
func (r *randomRun) compare() error {
	o, err := r.h.store.Open(r.h.ctx, "a")
	if err != nil {
		return err
	}
	defer o.Close()
	mine, err := r.p.Open(r.h.ctx, "a")
	if err != nil {
		return err
	}
	var a, b []byte
	read := func(to *[]byte) func(tx *dstm.Tx) error {
		return func(tx *dstm.Tx) error { *to = tx.Read(); return tx.Err() }
	}
	// What an ended process has sent, and did not store, may commit at any time: both must be seen at one version.
	for version, same := uint64(0), false; !same; same = o.Head().Version == version && mine.Head().Version == version {
		version = o.Head().Version
		if err := errors.Join(r.h.ctx.Err(), mine.Wait(r.h.ctx, version)); err != nil {
			return err
		}
		if err := errors.Join(o.View(read(&a)), mine.View(read(&b))); err != nil {
			return err
		}
	}
	if string(a) != string(b) {
		return fmt.Errorf("the replica holds %x, the store %x", b, a)
	}
	return nil
}

// TestRandomOfflineEnds: TestRandomOffline does not wait for an object while it opens it in a process that ends.
func TestRandomOfflineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &randomRun{h: &hall{t: t, ctx: testContext(t)}}
		p := &process{&guest{line: &line{}}, newProbe()}
		p.line.dialer = dialFunc(func() error {
			synctest.Wait() // for the object
			p.line.drop(false)
			return errors.New("the process ends now")
		})
		p.Client = dstm.NewClient(nil)
		p.conn = transport.Connect("pipe:", &transport.ClientOptions{Dialer: p.line, Logger: quiet()}, p.Client)
		defer p.stop()
		if r.p = p; r.objects() {
			t.Error("the objects are open")
		}
		if err := r.h.ctx.Err(); err != nil {
			t.Error("it waited:", err)
		}
	})
}

// dialFunc is a Dialer that never succeeds.
type dialFunc func() error

func (f dialFunc) Dial(context.Context, string, string) (transport.Conn, error) { return nil, f() }

func number2(t *testing.T, o dstm.Object, tag string) (n int64) {
	t.Helper()
	if err := o.View(func(tx *dstm.Tx) error { tx.Lookup(&n, "tags", tag); return tx.Err() }); err != nil {
		t.Fatal(err)
	}
	return n
}
