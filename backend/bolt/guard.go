package bolt

import (
	"errors"
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/trefoilgo/trefoil/status"
)

// panicError is what bbolt panicked with.
type panicError struct{ value any }

// Error is what bbolt said.
func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// guard turns a panic of f into an error. bbolt takes what is in the file for true and panics where it is not, or
// reads outside of the mapping; a file that shrank, or a disk that cannot read, faults too.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v}
		}
	}()
	return f()
}

// view runs f in a read transaction. f must be short and must not wait: the pages of its state are not reused
// meanwhile.
func (s *Store) view(f func(tx *bbolt.Tx) error) error {
	if err := s.gone(); err != nil {
		return err
	}
	err := guard(func() error { return s.db.View(f) })
	if errors.As(err, new(*panicError)) {
		return damaged("the file is damaged").Because(err)
	}
	return s.translate(err)
}

// update runs f in a write transaction and commits it to the disk. If f fails, nothing has happened; if the
// commit fails, the store closes for good and the error says that the outcome is unknown.
func (s *Store) update(f func(tx *bbolt.Tx) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.gone(); err != nil {
		return err // whoever had the lock before failed
	}
	committing := false
	err := guard(func() error {
		// Not db.Update: after a panic that reads all pages in a goroutine of its own, where nobody recovers.
		tx, err := s.db.Begin(true)
		if err != nil {
			return err
		}
		defer func() { _ = guard(tx.Rollback) }() // does nothing after Commit has returned
		if err := f(tx); err != nil {
			return err
		}
		committing = true
		return tx.Commit()
	})
	if err == nil {
		return nil
	}
	var panicked *panicError
	if errors.As(err, &panicked) {
		s.mu.Lock()
		s.stuck = true
		s.mu.Unlock()
	}
	switch {
	case committing:
		s.end(err)
		return uncertain(err)
	case panicked != nil:
		s.end(err)
		return damaged("the file is damaged; the store is closed").Because(err)
	}
	return s.translate(err)
}

// translate gives an error of bbolt outside of a commit its code.
func (s *Store) translate(err error) error {
	var coded *status.Error
	switch {
	case err == nil, errors.As(err, &coded):
		return err
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		if gone := s.gone(); gone != nil {
			return gone
		}
		return closedError(err)
	case errors.Is(err, berrors.ErrKeyTooLarge), errors.Is(err, berrors.ErrValueTooLarge):
		return status.New(status.InvalidArgument, "", "an entry is too large").Because(err)
	}
	return status.New(status.Unavailable, "", "the file cannot be used").Because(err)
}
