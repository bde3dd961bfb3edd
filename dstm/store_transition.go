package dstm

import (
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

// Transition is a transaction as [StoreOptions.Invariant] sees it: its objects before and after. It is valid until
// the invariant returns.
type Transition struct {
	user  string
	own   bool
	parts []engine.Around
	looks []*Tx // before and after of each part, nil where nobody has looked
}

// User is the user of the author, as the server's Authenticate named it; "" if it has no name, as the store itself.
func (t *Transition) User() string { return t.user }

// Own reports whether the transaction is one of the store's own: of the server's code, which rules do not bind.
func (t *Transition) Own() bool { return t.own }

// Objects are the names of the objects that the transaction writes.
func (t *Transition) Objects() []string {
	names := make([]string, 0, len(t.parts))
	for i := range t.parts {
		if t.parts[i].Wrote {
			names = append(names, t.parts[i].Object)
		}
	}
	return names
}

// Before is an object of the transaction before it, read-only; one that the transaction only reads is as good as one that it
// writes. nil if the transaction does not name the object: no other can be looked at, since what happens to it at the same time decides nothing here.
func (t *Transition) Before(object string) *Tx { return t.look(object, 0) }

// After is an object of the transaction after it; see Before.
func (t *Transition) After(object string) *Tx { return t.look(object, 1) }

func (t *Transition) look(object string, side int) *Tx {
	for i := range t.parts {
		if t.parts[i].Object != object {
			continue
		}
		tx := &t.looks[2*i+side]
		if *tx == nil {
			*tx = lookAt(object, [2]*engine.Object{t.parts[i].Before, t.parts[i].After}[side])
		}
		return *tx
	}
	return nil
}

// across is the engine's hook for the invariant over all objects of a transaction, nil if there is none.
func (s *Store) across() func(q *engine.Request, parts []engine.Around) error {
	if s.opts.Invariant == nil {
		return nil
	}
	return func(q *engine.Request, parts []engine.Around) (err error) {
		t := &Transition{user: q.User, own: s.own.is(q.Client), parts: parts, looks: make([]*Tx, 2*len(parts))}
		defer func() {
			for _, tx := range t.looks {
				if tx == nil {
					continue
				}
				tx.done = true
				if err == nil && tx.err != nil {
					err = errUnreadable
				}
			}
		}()
		return s.opts.Invariant(t)
	}
}
