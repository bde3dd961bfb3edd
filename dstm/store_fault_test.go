package dstm_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// faultyLog is a log whose appends a test can hold up, count and break.
type faultyLog struct {
	dstm.Log
	mu      sync.Mutex
	batches []int
	append  func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error)
	calls   int
}

func (l *faultyLog) Append(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
	l.mu.Lock()
	l.calls++
	attempt, hook := l.calls, l.append
	l.batches = append(l.batches, len(batch.Entries))
	l.mu.Unlock()
	next := func() (dstm.Position, error) { return l.Log.Append(ctx, after, batch) }
	if hook == nil {
		return next()
	}
	return hook(attempt, next)
}

func (l *faultyLog) hook(fn func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.append, l.calls, l.batches = fn, 0, nil
}

// counter adds one to a number and tells the recorder.
type counter struct {
	t        testing.TB
	recorder *witness.Recorder
	mu       sync.Mutex
	n        int
}

func (c *counter) tag() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return fmt.Sprint(c.n)
}

// increment reads and writes the number at key of o.
func (c *counter) increment(ctx context.Context, o dstm.Object, key string) error {
	tag := c.tag()
	out := witness.Outcome{Tag: tag, Object: o.Name(), Since: c.recorder.Head()}
	commit, err := o.Update(ctx, func(tx *dstm.Tx) error {
		var n int64
		tx.Lookup(&n, key)
		out.Reads = []witness.Read{{Object: o.Name(), Path: dstm.Path{key}, Value: tx.Read(key)}}
		tx.Set(n+1, key)
		return nil
	}, dstm.Metadata(map[string]string{witness.Tag: tag}))
	out.Position, out.Version = uint64(commit.Position), commit.Version
	c.recorder.Add(out, err)
	return err
}

// see records what an object holds.
func (c *counter) see(o dstm.Object) {
	c.t.Helper()
	if err := o.View(func(tx *dstm.Tx) error {
		c.recorder.See(witness.Seen{Object: o.Name(), Version: tx.Version(), Value: tx.Read()})
		return nil
	}); err != nil {
		c.t.Error(err)
	}
}

func object(t testing.TB, s *dstm.Store, name string) dstm.Object {
	t.Helper()
	o, err := s.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// What waits while the log is busy goes into one batch.
func TestGroupCommit(t *testing.T) {
	log := &faultyLog{Log: dstm.NewMemoryLog()}
	n := newNode(t, log, nil, nil)
	entered, release := make(chan struct{}), make(chan struct{})
	log.hook(func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error) {
		if attempt == 1 {
			close(entered)
			<-release
		}
		return next()
	})
	r := n.raw(nil)
	r.send(r.commitFrame(r.tx("o", 0, set(0, "x"))))
	<-entered
	for i := range 20 {
		r.send(r.commitFrame(r.tx(fmt.Sprint("o", i), 0, set(i, "x"))))
	}
	// The opening tells that the session has read what stands before it.
	r.open("p", nil)
	close(release)
	for i := range uint64(21) {
		r.want(r.answer(false), fmt.Sprint(i+1, " [1]"))
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if len(log.batches) != 2 || log.batches[1] != 20 {
		t.Errorf("batches of %v", log.batches)
	}
}

// Two nodes on one log see each other's commits, and find each other's conflicts.
func TestTwoStores(t *testing.T) {
	log := dstm.NewMemoryLog()
	first := newNode(t, log, nil, nil)
	second := newNode(t, log.Share(), nil, nil)
	if first.store.Epoch() != second.store.Epoch() {
		t.Fatal("two epochs")
	}
	a, b := first.raw(nil), second.raw(nil)
	a.open("o", nil)
	b.open("o", nil)
	a.send(a.commitFrame(a.tx("o", 0, set("world", "hello"))))
	a.changed("[o@1]")
	a.answer(false)
	b.changed("[o@1]")
	stale := b.tx("o", 0, set("code camp", "hello"))
	stale.Parts[0].Reads = append(stale.Parts[0].Reads, absent("hello"))
	b.want(b.commit(stale), `1 dstm.conflict [[0,["hello"]]]`)

	rec := &witness.Recorder{}
	c := &counter{t: t, recorder: rec}
	var wg sync.WaitGroup
	for _, n := range []*node{first, second} {
		for w := range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				o := object(t, n.store, "counters")
				defer o.Close()
				for range 50 {
					if err := c.increment(n.ctx, o, fmt.Sprint(w%2)); err != nil {
						t.Error(err)
					}
				}
			}()
		}
	}
	wg.Wait()
	for _, n := range []*node{first, second} {
		o := object(t, n.store, "counters")
		if err := o.Wait(n.ctx, 400); err != nil {
			t.Fatal(err)
		}
		c.see(o)
		o.View(func(tx *dstm.Tx) error {
			if got := string(tx.Read()); got != string(set(map[string]int{"0": 200, "1": 200}).Value) {
				t.Errorf("%x", got)
			}
			return nil
		})
	}
	judge(t, log, rec)
}

// An append whose outcome is in doubt is found out, whatever became of it.
func TestUncertainAppends(t *testing.T) {
	uncertain := status.New(status.Unavailable, dstm.ErrUncertain, "who knows").MaybeDone()
	for name, hook := range map[string]func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error){
		"it is there": func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error) {
			if attempt%2 == 1 {
				next()
				return 0, uncertain
			}
			return next()
		},
		"it is not there": func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error) {
			if attempt%3 != 0 {
				return 0, uncertain
			}
			return next()
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := &faultyLog{Log: dstm.NewMemoryLog()}
			n := newNode(t, log, nil, nil)
			log.hook(hook)
			rec := &witness.Recorder{}
			c := &counter{t: t, recorder: rec}
			o := object(t, n.store, "o")
			for range 5 {
				if err := c.increment(n.ctx, o, "x"); err != nil {
					t.Fatal(err)
				}
			}
			c.see(o)
			if v := o.Head().Version; v != 5 {
				t.Errorf("version %d", v)
			}
			judge(t, log, rec)
		})
	}
}

// Another node writes between an attempt in doubt and the next: the batch is decided again.
func TestUncertainAndMoved(t *testing.T) {
	shared := dstm.NewMemoryLog()
	log := &faultyLog{Log: shared.Share()}
	n, other := newNode(t, log, nil, nil), newNode(t, shared, nil, nil)
	rec := &witness.Recorder{}
	c := &counter{t: t, recorder: rec}
	theirs := object(t, other.store, "o")
	log.hook(func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error) {
		if attempt == 1 {
			if err := c.increment(n.ctx, theirs, "x"); err != nil {
				t.Error(err)
			}
			return 0, status.New(status.Unavailable, dstm.ErrUncertain, "who knows").MaybeDone()
		}
		return next()
	})
	if err := c.increment(n.ctx, object(t, n.store, "o"), "x"); err != nil {
		t.Fatal(err)
	}
	judge(t, shared, rec)
}

// An append in doubt was done, and another node's commits have the author's record dropped before that is seen: the transaction
// is not done a second time.
func TestUncertainAndForgotten(t *testing.T) {
	shared := dstm.NewMemoryLog()
	log := &faultyLog{Log: shared.Share()}
	few := func() *dstm.StoreOptions { return &dstm.StoreOptions{MaxClients: 1} }
	n, other := newNode(t, log, few(), nil), newNode(t, shared, few(), nil)
	theirs := object(t, other.store, "o")
	add := func(tx *dstm.Tx) error { tx.Add(1, nil, nil, "x"); return nil }
	log.hook(func(attempt int, next func() (dstm.Position, error)) (dstm.Position, error) {
		if attempt > 1 {
			return next()
		}
		if _, err := next(); err != nil {
			t.Error(err)
		}
		if _, err := theirs.Update(n.ctx, add); err != nil {
			t.Error(err)
		}
		return 0, status.New(status.Unavailable, dstm.ErrUncertain, "who knows").MaybeDone()
	})
	if _, err := object(t, n.store, "o").Update(n.ctx, add); !status.OutcomeUnknown(err) {
		t.Errorf("told %v", err)
	}
	var x int64
	if err := object(t, n.store, "o").View(func(tx *dstm.Tx) error { tx.Lookup(&x, "x"); return nil }); err != nil || x != 2 {
		t.Errorf("two additions make %d: %v", x, err)
	}
}

// A log that fails ends the store: what was on its way is unknown, what comes later certainly not done.
func TestFailingLog(t *testing.T) {
	log := &faultyLog{Log: dstm.NewMemoryLog()}
	n := newNode(t, log, nil, nil)
	r := n.raw(nil)
	r.open("o", nil)
	log.hook(func(_ int, next func() (dstm.Position, error)) (dstm.Position, error) {
		next()
		log.Log.Close()
		return 0, status.New(status.Unavailable, dstm.ErrUncertain, "the disk is gone").MaybeDone()
	})
	r.send(r.commitFrame(r.tx("o", 0, set(1, "x"))))
	var doubtful answer
	for ended := false; !ended || doubtful.err == nil; {
		select {
		case f := <-r.frames:
			outer := codec.NewReader(f, 1)
			body := outer.Array()
			switch kind := body.Int(); kind {
			case 6:
				ended = true
			case 9:
				body.Skip()
				doubtful.sequence, doubtful.err = uint64(body.Int()), transport.ReadError(&body)
			default:
				t.Fatalf("a frame of kind %d", kind)
			}
		case <-r.ctx.Done():
			t.Fatal("no answer")
		}
	}
	if !doubtful.err.Unknown || doubtful.err.Reason != dstm.ErrClosed {
		t.Errorf("in doubt: %v", doubtful.err)
	}
	a := r.commit(r.tx("o", 0, set(1, "x")))
	if a.err == nil || a.err.Unknown || a.err.Reason != dstm.ErrClosed || a.err.Code != status.Unavailable {
		t.Errorf("later: %v", a.err)
	}
	resent := r.tx("o", 0, set(1, "x"))
	resent.Again = true
	if a := r.commit(resent); a.err == nil || !a.err.Unknown {
		t.Errorf("sent again: %v", a.err)
	}
	if _, err := n.store.Open(n.ctx, "o"); !errors.Is(err, dstm.ErrClosed) {
		t.Error(err)
	}
	r.send(r.openFrame(7, "o", nil))
	body := r.frame(3)
	for range 3 {
		body.Skip()
	}
	if err := transport.ReadError(&body); err.Reason != dstm.ErrClosed {
		t.Error(err)
	}
}

// A store that restarts from its log holds what it held, and knows what it decided.
func TestRestart(t *testing.T) {
	for _, every := range []int{1 << 20, 7} {
		log := dstm.NewMemoryLog()
		rec := &witness.Recorder{}
		c := &counter{t: t, recorder: rec}
		var last []byte
		for round := range 3 {
			store, err := dstm.NewStore(log.Share(), &dstm.StoreOptions{CheckpointEntries: every})
			if err != nil {
				t.Fatal(err)
			}
			o := object(t, store, "o")
			if v := o.Head().Version; v != uint64(20*round) {
				t.Fatalf("version %d in round %d", v, round)
			}
			for range 20 {
				if err := c.increment(testContext(t), o, "x"); err != nil {
					t.Fatal(err)
				}
			}
			o.View(func(tx *dstm.Tx) error { last = tx.Read(); return nil })
			if every < 100 {
				awaitCheckpoint(t, log) // closing does not wait for the one in the background
			}
			if err := store.Close(testContext(t)); err != nil {
				t.Fatal(err)
			}
			if err := c.increment(testContext(t), o, "x"); !errors.Is(err, dstm.ErrClosed) {
				t.Fatal(err)
			}
		}
		if string(last) != string(set(map[string]int{"x": 60}).Value) {
			t.Errorf("%x", last)
		}
		head, err := log.Load(context.Background(), "head")
		if err != nil || (head.Position > 0) != (every < 100) {
			t.Errorf("checkpoint at %d, %v", head.Position, err)
		}
		judge(t, log, rec)
	}
}

// awaitCheckpoint returns when the log has a checkpoint.
func awaitCheckpoint(t *testing.T, log dstm.Log) {
	t.Helper()
	for ctx := testContext(t); ; runtime.Gosched() {
		head, err := log.Load(ctx, "head")
		if err != nil {
			t.Fatal(err)
		}
		if head.Position > 0 {
			return
		}
	}
}

func TestDamagedLog(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		data []byte
		want error
		code status.Code
	}{
		"newer":   {[]byte{9, 1, 2, 3}, engine.ErrFormat, status.FailedPrecondition},
		"damaged": {[]byte{1, 2, 3}, engine.ErrDamaged, status.DataLoss},
	} {
		log := dstm.NewMemoryLog()
		log.Append(ctx, 0, dstm.Batch{Entries: [][]byte{c.data}})
		if _, err := dstm.NewStore(log, &dstm.StoreOptions{Logger: silence}); !errors.Is(err, c.want) || status.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
		log = dstm.NewMemoryLog()
		store, err := dstm.NewStore(log, &dstm.StoreOptions{Logger: silence})
		if err != nil {
			t.Fatal(err)
		}
		// Another node writes what this one cannot read: it stops rather than guess.
		log.Share().Append(ctx, 1, dstm.Batch{Entries: [][]byte{c.data}})
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, err := store.Open(ctx, "o"); errors.Is(err, dstm.ErrClosed) {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("%s: the store goes on", name)
			}
		}
		store.Close(ctx)
	}
}

// A store that lags behind a truncation starts from the checkpoint, and its clients with it.
func TestFollowerBehindTruncation(t *testing.T) {
	shared := dstm.NewMemoryLog()
	slow := &slowLog{Log: shared.Share()}
	writer := newNode(t, shared, nil, nil)
	reader := newNode(t, slow, nil, nil)
	r := reader.raw(nil)
	r.open("o", nil)
	mine := object(t, reader.store, "o")
	slow.hold()
	rec := &witness.Recorder{}
	c := &counter{t: t, recorder: rec}
	o := object(t, writer.store, "o")
	for range 10 {
		if err := c.increment(writer.ctx, o, "x"); err != nil {
			t.Fatal(err)
		}
	}
	all := entries(t, shared)
	// A third node saves checkpoints and truncates what is behind them.
	third, err := dstm.NewStore(shared.Share(), &dstm.StoreOptions{CheckpointEntries: 1, Recent: 1})
	if err != nil {
		t.Fatal(err)
	}
	awaitSaved(t, shared, third.Position()) // the next one has something to truncate
	if err := c.increment(writer.ctx, object(t, third, "o"), "x"); err != nil {
		t.Fatal(err)
	}
	all = append(all, entriesBehind(t, shared, dstm.Position(len(all)))...)
	for truncated := false; !truncated; {
		if writer.ctx.Err() != nil {
			t.Fatal("the log is not truncated")
		}
		for _, err := range shared.Read(writer.ctx, 2) {
			truncated = errors.Is(err, dstm.ErrTruncated)
			break
		}
	}
	third.Close(context.Background())
	slow.release()
	if err := mine.Wait(r.ctx, 11); err != nil {
		t.Fatal(err)
	}
	if s := r.reset(); s.version != 11 || s.object != "o" || s.snapshot == nil {
		t.Fatalf("%+v", s)
	}
	c.see(mine)
	if err := rec.Check(all); err != nil {
		t.Error(err)
	}
}

// slowLog is a log whose reader can be held up, so that it finds its place truncated.
type slowLog struct {
	dstm.Log
	mu   sync.Mutex
	held chan struct{}
}

func (l *slowLog) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = make(chan struct{})
}

func (l *slowLog) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.held)
	l.held = nil
}

func (l *slowLog) Read(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
	return func(yield func(dstm.Entry, error) bool) {
		for e, err := range l.Log.Read(ctx, after) {
			l.mu.Lock()
			held := l.held
			l.mu.Unlock()
			if held != nil {
				select {
				case <-held:
				case <-ctx.Done():
					return
				}
				// What it had read is of no use any more: it begins again where it stands.
				yield(dstm.Entry{}, status.New(status.OutOfRange, dstm.ErrTruncated, "too late"))
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// A log whose head cannot be read for a while is waited for; nothing is lost or doubled.
func TestPassingFailures(t *testing.T) {
	shared := dstm.NewMemoryLog()
	log := &headless{Log: shared.Share()}
	n, other := newNode(t, log, nil, nil), newNode(t, shared, nil, nil)
	rec := &witness.Recorder{}
	c := &counter{t: t, recorder: rec}
	var wg sync.WaitGroup
	for _, node := range []*node{n, other} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			o := object(t, node.store, "o")
			defer o.Close()
			for range 50 {
				if err := c.increment(node.ctx, o, "x"); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	judge(t, shared, rec)
}

// headless is a log that fails to tell its head every second time.
type headless struct {
	dstm.Log
	mu    sync.Mutex
	calls int
}

func (l *headless) Head(ctx context.Context) (dstm.Position, error) {
	l.mu.Lock()
	l.calls++
	fail := l.calls > 3 && l.calls%2 == 0
	l.mu.Unlock()
	if fail {
		return 0, status.New(status.Unavailable, "test.blip", "not now")
	}
	return l.Log.Head(ctx)
}
