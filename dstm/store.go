package dstm

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Store is the server side of dstm: the objects of one [Log], for clients (it is a
// transport.Pattern) and for the server's own code ([Store.Open]).
//
// One goroutine commits: it takes what waits, decides it, appends it to the log as one batch and only then
// answers and publishes. A second one follows the log, so that commits of other nodes on a shared log are applied
// and published here too. A third one stores from time to time what has changed. All methods may be called from
// several goroutines.
//
// In memory are the objects that are open, here or by a client, those that have changed since they were last stored, and some that were
// used lately ([StoreOptions.Resident]); the others are in the log alone.
type Store struct {
	world  *world.World
	log    Log
	opts   StoreOptions
	rules  storeRules
	engine engine.Options
	own    storeOwn
	queue  storeQueue

	ctx    context.Context // done when the store is to end
	cancel context.CancelFunc
	wg     sync.WaitGroup

	// applying is held by whoever brings the state forward, from the decision to the publication.
	applying  sync.Mutex
	memory    engine.Memory // guarded by applying
	lastEpoch time.Time     // when this process last began an epoch; guarded by applying
	keeper    chan struct{} // wakes the goroutine that saves and drops

	// mu is held while something is published or a session is served, never while anything waits.
	mu        sync.Mutex
	ring      storeRing
	sessions  map[world.Session]*storeSession
	audiences map[string]*storeAudience
	locals    map[string]map[*storeObject]struct{}
	scratch   []world.Session
	wired     []*transport.Session // those of scratch that a transport has
	due       []*storeSession      // to be pumped when the batch is published
	residents storeResidents
	loads     storeLoads
	looking   int // requests for history under way, of all sessions
	unsaved   storeUnsaved
	reach     uint64 // position up to which the log may have been truncated

	state  atomic.Pointer[engine.State] // stored under mu
	failed atomic.Pointer[status.Error] // why the store is closed, nil while it is open; stored under mu
}

var _ transport.Pattern = (*Store)(nil)

// NewStore opens the objects of log and begins to serve them. It reads what is stored of clients and the entries since the
// last checkpoint, with the objects that they name, and begins a log that is empty. The log stays the caller's: close
// the store first, then the log.
//
// Errors: failed_precondition with reason dstm.format_newer if a newer version of the software wrote the log,
// data_loss with reason dstm.damaged if the log is not what was written, and those of the log.
func NewStore(log Log, opts *StoreOptions) (*Store, error) {
	return newStore(world.Real, log, opts)
}

func newStore(w *world.World, log Log, opts *StoreOptions) (*Store, error) {
	checked, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if checked.Clock == nil {
		checked.Clock = w.Now
	}
	rules, err := newStoreRules(checked.Rules)
	if err != nil {
		return nil, err
	}
	s := &Store{
		world: w, log: log, opts: checked, rules: rules,
		engine: engine.Options{
			Retention: checked.Retention, MaxClients: checked.MaxClients, MaxObject: checked.MaxObject,
			Strict: rules.strict, Invariant: rules.invariant(),
		},
		sessions:  map[world.Session]*storeSession{},
		audiences: map[string]*storeAudience{},
		locals:    map[string]map[*storeObject]struct{}{},
		keeper:    make(chan struct{}, 1),
		loads:     storeLoads{waiting: map[string][]func(*status.Error){}, queue: map[storeTurn][]string{}},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.queue.init(w, checked.QueueLength, checked.QueueBytes)
	s.own.init(w)
	s.engine.Across = s.across()
	s.residents.init(checked.Resident)
	if err := s.load(s.ctx); err != nil {
		s.cancel()
		return nil, err
	}
	s.wg.Add(3)
	w.Go(s.commitLoop)
	w.Go(s.followLoop)
	w.Go(s.keepLoop)
	s.wakeKeeper()
	return s, nil
}

// Name implements transport.Pattern.
func (s *Store) Name() string { return "dstm" }

// Log is the name of the store's log on the wire.
func (s *Store) Log() string { return s.opts.LogName }

// Epoch is the present epoch of the log.
func (s *Store) Epoch() string { return s.state.Load().Epoch }

// Position is the position of the last entry that the store has applied.
func (s *Store) Position() Position { return Position(s.state.Load().Position) }

// Close decides what is already queued, refuses everything later with ErrClosed, and waits until the
// store's goroutines have ended. When ctx ends first, what is still queued is refused too. It does not close the
// log. Closing twice is no error.
func (s *Store) Close(ctx context.Context) error {
	s.queue.close()
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()
	s.queue.waitDrained()
	s.fail(status.New(status.Unavailable, ErrClosed, "the store is closed"))
	s.wg.Wait()
	return nil
}

// fail ends the store: err is what everyone is told. What waits is answered before its object ends: whoever
// hears of the end first could not know that it was not done.
func (s *Store) fail(err *status.Error) {
	s.queue.close()
	s.refuseJobs(s.queue.rest(), err)
	s.mu.Lock()
	if s.failed.CompareAndSwap(nil, err) {
		for _, ss := range s.sessions {
			ss.endAll(err)
		}
		for _, objects := range s.locals {
			for o := range objects {
				o.feed.close(err)
			}
		}
	}
	s.cancel() // under mu: no session begins to wait for room afterwards
	s.mu.Unlock()
}

// refuseJobs answers what will not be decided. An earlier copy of what was sent again may be in the log, and so may what was
// tried already.
func (s *Store) refuseJobs(jobs []storeJob, err *status.Error) {
	for i := range jobs {
		told := err
		if tx := jobs[i].request.Tx; tx != nil && (tx.Again || jobs[i].request.Tried) {
			told = err.MaybeDone()
		}
		s.answerClosed(&jobs[i], told)
	}
}

// now is the store's clock in the log's unit.
func (s *Store) now() int64 { return s.opts.Clock().UnixNano() }

// newEpoch makes the name of an epoch: 16 random characters.
func (s *Store) newEpoch() string { return s.world.Text()[:16] }

// closedBy translates an error of the log into what the store ends with.
func closedBy(err error) *status.Error {
	e := status.New(status.Unavailable, ErrClosed, "the log failed").Because(err)
	if errors.Is(err, ErrUncertain) || status.OutcomeUnknown(err) {
		e.Unknown = true
	}
	return e
}
