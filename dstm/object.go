package dstm

import (
	"context"
	"iter"

	"github.com/trefoilgo/trefoil/codec"
)

// Object is a shared value: a replica on a client, the thing itself on a
// server; both have the same calls. All methods may be called from several goroutines.
type Object interface {
	// Name is the object's name.
	Name() string

	// Update runs fn as a transaction and returns when the server has decided. What fn reads
	// joins the read set, what it writes stays local until commit. If what was read has changed by then, the object is brought up to
	// date and fn runs again, with jittered pauses, up to MaxAttempts times; so fn must be free of effects outside tx.
	//
	// An error of fn ends the transaction without effect and is returned as it is. A transaction without writes commits at
	// once on what it saw: one past version of the object (serializable, not strict), with own unanswered transactions above
	// it, which may yet be refused; [Strict] leaves it to the server. When ctx ends before
	// the answer, the *status.Error's Unknown says whether the transaction may yet commit.
	Update(ctx context.Context, fn func(tx *Tx) error, opts ...UpdateOption) (Commit, error)

	// View runs fn on one version of the object, own unanswered transactions included, without
	// waiting and without network. Writes in fn are an error.
	View(fn func(tx *Tx) error) error

	// Changes yields what changes at or below prefix from the beginning of the iteration on, until ctx is done or the object is
	// closed (an error is then the last thing yielded). What the consumer is too slow for is
	// folded: it gets one change of kind Reset instead, with the value before and after.
	Changes(ctx context.Context, prefix ...string) iter.Seq2[Change, error]

	// Head is the version that View sees, own unanswered transactions not counted.
	Head() Commit

	// Wait returns when the object has reached version, or ctx or the object ends.
	Wait(ctx context.Context, version uint64) error

	// Undo reverses what the commit c of this process did, as a new transaction: it puts back what stood there, takes away what was
	// not there, adds the opposite, and moves elements back. c must be one of the last 100 own commits of the object's client or store
	// (and together they must not have replaced more than 4 MiB), else the error is ErrHistory. A commit of several objects is undone in all of them; they must be open.
	//
	// If anything that c touched has changed since, by whomever, nothing happens and the error is ErrConflict with the paths; there is no second
	// attempt. Only additions and moves are undone whatever came after, unless the element is gone. A number that an addition began is 0 then, and a
	// list or map that an addition or insertion began stays, empty. The result can itself be undone. Of the options Metadata counts.
	Undo(ctx context.Context, c Commit, opts ...UpdateOption) (Commit, error)

	// History yields the commits behind version from up to version to, 0 for the present one, oldest first: who changed what. A server's
	// rule must allow it to clients (Rule.History), and it reaches as far back as the log: an error is the last thing yielded, ErrDenied or ErrHistory for instance.
	History(ctx context.Context, from, to uint64) iter.Seq2[Revision, error]

	// ViewAt runs fn on the object as it was at version, with the limits of History. Writes in fn are an error.
	ViewAt(ctx context.Context, version uint64, fn func(tx *Tx) error) error

	// Close ends the use of this Object; Updates and Changes of it end with ErrClosed. Another Object of the same name lives on.
	Close() error

	sealed() *object
}

// object is what the Objects of a store and of a client have in common: running
// functions as transactions over an origin.
type object struct {
	name   string
	origin origin
}

// Name implements [Object].
func (o *object) Name() string    { return o.name }
func (o *object) sealed() *object { return o }

// View implements [Object].
func (o *object) View(fn func(tx *Tx) error) error {
	v, err := o.origin.view()
	if err != nil {
		return err
	}
	t := newTransaction([]*view{v}, true)
	t.home = o.origin.home()
	return t.run(fn)
}

// Update implements [Object].
func (o *object) Update(ctx context.Context, fn func(tx *Tx) error, opts ...UpdateOption) (Commit, error) {
	u, err := newUpdate([]*object{o}, fn, opts)
	if err != nil {
		return Commit{}, err
	}
	commits, err := u.run(ctx)
	if err != nil {
		return Commit{}, err
	}
	return commits[0], nil
}

// Commit names one state of one object, for ordering across patterns: an object that has
// reached Version in Epoch holds all that the transaction wrote.
type Commit struct {
	Log      string
	Epoch    string
	Version  uint64
	Position Position
}

// Change is one difference between two states of an object.
type Change struct {
	// Path is the node that changed. Where a map or list was added or replaced, Path names that, not each child.
	Path Path
	// Old and New are the canonical encodings of the value before and after, nil for absent; they are the receiver's.
	Old, New codec.Raw
	// Moved says that the node, an element, has got another place in its list; Old and New are the same then.
	Moved bool
	// Version is the version of the object that holds New; for a prediction, the confirmed one below it.
	Version uint64
	// Origin says whose change it is.
	Origin Origin
}

// Origin says where a [Change] comes from.
type Origin int

// The origins of changes.
const (
	// Remote: another client committed it.
	Remote Origin = iota
	// Mine: an own transaction, predicted or, where there was no prediction, committed.
	Mine
	// Rollback: an own prediction was taken back.
	Rollback
	// Reset: several changes folded into one, after a snapshot or because the consumer was slow.
	Reset
)

// UpdateOption changes how one [Object.Update] runs.
type UpdateOption func(*updateOptions)

type updateOptions struct {
	maxAttempts int
	metadata    map[string]string
	strict      bool
}

// DefaultAttempts is how often Update runs a transaction at most, unless told otherwise.
const DefaultAttempts = 100

// MaxAttempts limits how often fn runs before Update gives up with ErrConflict; 1 means no retry. Values below 1 mean the default.
func MaxAttempts(n int) UpdateOption { return func(o *updateOptions) { o.maxAttempts = n } }

// Metadata attaches what travels with the transaction and is kept in its log entry: at most 32 entries,
// keys of at most 255 bytes, values of at most 4 KiB.
func Metadata(m map[string]string) UpdateOption { return func(o *updateOptions) { o.metadata = m } }

// Strict has a transaction that writes nothing decided by the server too: it commits only if what it read still holds at the end of
// the log, at some moment between the call and its return (strictly serializable). Without it such a transaction commits at once on one past version.
func Strict() UpdateOption { return func(o *updateOptions) { o.strict = true } }
