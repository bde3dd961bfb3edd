package dstm

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/trefoilgo/trefoil/status"
)

// UndoStack undoes and redoes what was done through it to one object, in the order that users expect: the
// last first. It holds this process's own commits only; what others do in between stays. All methods may be called from
// several goroutines.
type UndoStack struct {
	object Object
	limit  int
	turn   chan struct{} // held by an Undo or Redo: they go one at a time

	mu     sync.Mutex
	done   []Commit // to be undone, the last first
	undone []Commit // the commits that undid, to be undone by Redo
}

// NewUndoStack makes a stack for an object that remembers at most limit commits: 1 to 100, else 100. The Object stays the
// caller's to close.
func NewUndoStack(o Object, limit int) *UndoStack {
	if limit < 1 || limit > maxOwnCommits {
		limit = maxOwnCommits
	}
	return &UndoStack{object: o, limit: limit, turn: make(chan struct{}, 1)}
}

// Update is [Object.Update] of the stack's object. A commit that wrote something can be undone from then on, and what had been
// undone can no longer be redone.
func (s *UndoStack) Update(ctx context.Context, fn func(tx *Tx) error, opts ...UpdateOption) (Commit, error) {
	wrote := false
	c, err := s.object.Update(ctx, func(tx *Tx) error {
		err := fn(tx)
		wrote = tx.writes()
		return err
	}, opts...)
	if err == nil && wrote {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.done, s.undone = s.push(s.done, c), nil
	}
	return c, err
}

// Undo undoes the last commit that was not undone, as a transaction of its own; see [Object.Undo]. Where that answers ErrConflict or ErrHistory, it
// never can be undone, and is taken off the stack; after any other error it is still there. With nothing to undo the error is ErrInvalid.
func (s *UndoStack) Undo(ctx context.Context, opts ...UpdateOption) (Commit, error) {
	return s.reverse(ctx, &s.done, &s.undone, "undo", opts)
}

// Redo undoes the last Undo, with the same errors.
func (s *UndoStack) Redo(ctx context.Context, opts ...UpdateOption) (Commit, error) {
	return s.reverse(ctx, &s.undone, &s.done, "redo", opts)
}

// CanUndo reports whether there is something for Undo.
func (s *UndoStack) CanUndo() bool { return s.has(&s.done) }

// CanRedo reports whether there is something for Redo.
func (s *UndoStack) CanRedo() bool { return s.has(&s.undone) }

// reverse undoes the last commit of from and puts the commit that did so onto to.
func (s *UndoStack) reverse(ctx context.Context, from, to *[]Commit, verb string, opts []UpdateOption) (Commit, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return Commit{}, status.From(context.Cause(ctx))
	}
	c, ok := s.last(from)
	if !ok {
		return Commit{}, status.New(status.FailedPrecondition, ErrInvalid, "there is nothing to %s", verb)
	}
	made, err := s.object.Undo(ctx, c, opts...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil || errors.Is(err, ErrConflict) || errors.Is(err, ErrHistory) {
		s.drop(from, c)
	}
	if err == nil {
		*to = s.push(*to, made)
	}
	return made, err
}

func (s *UndoStack) has(list *[]Commit) bool {
	_, ok := s.last(list)
	return ok
}

func (s *UndoStack) last(list *[]Commit) (Commit, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(*list) == 0 {
		return Commit{}, false
	}
	return (*list)[len(*list)-1], true
}

// push puts c onto a list, below later commits of the same history: of two Updates at the same time the first may return last.
func (s *UndoStack) push(list []Commit, c Commit) []Commit {
	at := len(list)
	for at > 0 && list[at-1].Epoch == c.Epoch && list[at-1].Version > c.Version {
		at--
	}
	list = slices.Insert(list, at, c)
	return list[max(0, len(list)-s.limit):]
}

// drop takes c off a list on which an Update may have pushed, or which it may have cleared, meanwhile.
func (s *UndoStack) drop(list *[]Commit, c Commit) {
	*list = slices.DeleteFunc(slices.Clone(*list), func(x Commit) bool { return x == c })
}
