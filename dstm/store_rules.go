package dstm

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/lens"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Rule says what clients may do with the objects that a pattern names. The store's own
// transactions ([Store.Open]) pass Open and Write unasked, but not Invariant.
type Rule struct {
	// Object is a pattern of object names: segments between slashes, where "*" stands for any one
	// segment and a last "**" for one or more. "board/*" matches "board/42" but not "board/42/a".
	Object string
	// Open decides whether a client may open, and so read, the object. nil denies.
	Open func(ctx context.Context, a *Access) error
	// Read returns the paths at and below which a client that may open the object may read; it is asked with Open. What
	// is elsewhere the client does not receive; that something changed there, and when, it can tell. No path at all
	// lets it read nothing. nil means that all of the object may be read.
	Read func(ctx context.Context, a *Access) ([]Path, error)
	// Write decides whether a client may write at a path; it is asked for each write of a transaction. nil denies.
	Write func(ctx context.Context, a *Access) error
	// History decides whether a client that may open the object may also ask for its older states, and for who changed what; it
	// gets those of what it may read. nil denies.
	History func(ctx context.Context, a *Access) error
	// Invariant is asked inside the commit, about the state before and after the transaction; both are
	// read-only. An error refuses it with dstm.invariant and, if it is a *status.Error, that one's message and details. It must be pure
	// and quick: every commit of the log waits for it. nil means that all states are good. What holds between objects, or
	// depends on who writes, is for [StoreOptions.Invariant].
	Invariant func(before, after *Tx) error
	// Strict has what a transaction read count as changed also if it has changed and changed back meanwhile, or was
	// absent, came and went. Then a transaction does not leave its client before those are answered whose writes it read.
	Strict bool
}

// Access is what a rule decides about. Rules run on the session's reading goroutine, before
// the transaction is queued, and see no state: they must not wait.
type Access struct {
	// Identity is who the session acts for.
	Identity transport.Identity
	// Client is the client's id.
	Client transport.ID
	// Object is the name of the object.
	Object string
	// Path is where Write is asked about; nil for the others. Read-only.
	Path Path
}

// AllowAll is a rule that allows everyone everything. It is for examples, and for objects that hold nothing
// that anyone might spoil.
func AllowAll(context.Context, *Access) error { return nil }

// storeRules are the rules in the order in which they count.
type storeRules []storeRule

type storeRule struct {
	Rule
	segments []string
}

func newStoreRules(rules []Rule) (storeRules, error) {
	out := make(storeRules, 0, len(rules))
	for _, rule := range rules {
		segments := strings.Split(rule.Object, "/")
		for i, segment := range segments {
			bad := segment == "" || strings.Contains(segment, "*") && segment != "*" && segment != "**" || segment == "**" && i < len(segments)-1
			if bad || !txn.ValidName(rule.Object) {
				return nil, status.New(status.InvalidArgument, ErrInvalid, "Rule.Object %q is no pattern: segments between slashes, each a name, \"*\", or at the end \"**\"", rule.Object)
			}
		}
		out = append(out, storeRule{rule, segments})
	}
	return out, nil
}

// find returns the rule of an object, nil if none matches.
func (rules storeRules) find(object string) *storeRule {
	for i := range rules {
		if rules[i].matches(object) {
			return &rules[i]
		}
	}
	return nil
}

func (r *storeRule) matches(object string) bool {
	for i, segment := range r.segments {
		if segment == "**" {
			return object != ""
		}
		head, rest, more := strings.Cut(object, "/")
		if segment != "*" && segment != head || head == "" || more != (i < len(r.segments)-1) {
			return false
		}
		object = rest
	}
	return true
}

// open asks whether a may open its object, and what it may read there.
func (rules storeRules) open(ctx context.Context, a *Access) (*lens.Lens, *status.Error) {
	rule := rules.find(a.Object)
	if rule == nil || rule.Open == nil {
		return nil, denial(ErrDenied)
	}
	if err := denial(rule.Open(ctx, a)); err != nil || rule.Read == nil {
		return nil, err
	}
	paths, err := rule.Read(ctx, a)
	if err == nil {
		if i := slices.IndexFunc(paths, func(p Path) bool { return !p.Valid() }); i >= 0 {
			err = status.New(status.Internal, ErrDenied, "Rule.Read of %q names %q, which is no path", rule.Object, paths[i])
		}
	}
	if err != nil {
		return nil, denial(err)
	}
	return lens.New(paths), nil
}

// history asks whether a may look into the past of its object, and what it may read there.
func (rules storeRules) history(ctx context.Context, a *Access) (*lens.Lens, *status.Error) {
	l, err := rules.open(ctx, a)
	if err != nil {
		return nil, err
	}
	if rule := rules.find(a.Object); rule.History != nil {
		return l, denial(rule.History(ctx, a))
	}
	return nil, denial(ErrDenied)
}

// strict reports whether an object is judged strictly.
func (rules storeRules) strict(object string) bool {
	rule := rules.find(object)
	return rule != nil && rule.Strict
}

// write asks whether a may do every write of part.
func (rules storeRules) write(ctx context.Context, a *Access, writes []txn.Write) *status.Error {
	rule := rules.find(a.Object)
	for i := range writes {
		if rule == nil || rule.Write == nil {
			return denial(ErrDenied)
		}
		a.Path = writes[i].Path
		if err := denial(rule.Write(ctx, a)); err != nil {
			return err
		}
	}
	return nil
}

// denial is what a client is told of a rule's error: its message if it was authored, always as denied.
func denial(err error) *status.Error {
	if err == nil {
		return nil
	}
	e := status.From(err)
	code := status.PermissionDenied
	if e.Code == status.Unauthenticated {
		code = e.Code
	}
	message := "the rules do not allow it"
	if e.Reason != ErrDenied && e.Code != status.Unknown && e.Message != "" {
		message = e.Message
	}
	return status.New(code, ErrDenied, "%s", message).Because(err)
}

// lookAt is a read-only Tx for rules.
func lookAt(object string, o *engine.Object) *Tx {
	return newTx(&view{object: object, base: o.Version, root: &o.Root}, true)
}

// errUnreadable stands for what a rule could not read: what is there may be hidden from the author, and its name too.
var errUnreadable = errors.New("a rule cannot read the state")

// invariant is the engine's hook, nil if no rule has an invariant.
func (rules storeRules) invariant() func(object string, before, after *engine.Object) error {
	some := false
	for i := range rules {
		some = some || rules[i].Invariant != nil
	}
	if !some {
		return nil
	}
	return func(object string, before, after *engine.Object) error {
		rule := rules.find(object)
		if rule == nil || rule.Invariant == nil {
			return nil
		}
		was, is := lookAt(object, before), lookAt(object, after)
		defer func() { was.done, is.done = true, true }()
		if err := rule.Invariant(was, is); err != nil {
			return err
		}
		if err := cmp.Or(was.err, is.err); err != nil {
			return errUnreadable
		}
		return nil
	}
}
