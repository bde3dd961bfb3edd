package bolt

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/trefoilgo/trefoil/status"
)

// Store is one open file. All methods may be called from several goroutines.
type Store struct {
	db     *bbolt.DB
	closed chan struct{} // closed when the store no longer works

	// writing is held over a commit and what follows from its error: bbolt's own lock is free again
	// before we know of the error, and then the next one would commit behind a failed one.
	writing sync.Mutex

	opening sync.Mutex
	logs    map[string]*log // those that were opened, guarded by opening

	mu     sync.Mutex
	done   bool  // closed is closed
	cause  error // why it closed itself, nil if the user closed it
	stuck  bool  // bbolt panicked in a write: its lock may be held for ever
	ending sync.Once
}

// Open opens the file at path, or makes it. Nobody else can open it until [Store.Close].
//
// Errors: [ErrLocked] if somebody has it open, [ErrDamaged], [ErrForeign], [ErrFormatNewer], and otherwise what the
// operating system said, with the code not_found, permission_denied or unavailable. None of them has changed the file.
func Open(path string, opts *Options) (*Store, error) {
	return open(path, opts, hooks{})
}

func open(path string, opts *Options, h hooks) (*Store, error) {
	o, err := opts.checked()
	if err != nil {
		return nil, err
	}
	if path == "" {
		return nil, status.New(status.InvalidArgument, "", "the path is empty")
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err = create(path, o, h); err != nil {
			return nil, openError(path, err)
		}
	case err != nil:
		return nil, openError(path, err)
	case !info.Mode().IsRegular():
		return nil, status.New(status.FailedPrecondition, ErrForeign, "%s is not a regular file", path)
	case info.Size() > 0: // bbolt makes a store of an empty file
		if err = check(path, o); err != nil {
			return nil, openError(path, err)
		}
	}
	db, err := openDB(path, o, h)
	if err != nil {
		return nil, openError(path, err)
	}
	s := &Store{db: db, closed: make(chan struct{}), logs: map[string]*log{}}
	if err = s.checkFormat(h); err != nil {
		s.Close() // the first error is the one that says why
		return nil, openError(path, err)
	}
	return s, nil
}

// openDB is bbolt.Open, but lets go of the file if bbolt panics.
func openDB(path string, o Options, h hooks) (db *bbolt.DB, err error) {
	openFile := h.openFile
	if openFile == nil {
		openFile = os.OpenFile
	}
	var file *os.File
	h.openFile = func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
		file, err = openFile(name, flag, mode)
		return file, err
	}
	err = guard(func() error {
		db, err = bbolt.Open(path, o.Mode, bboltOptions(o, h))
		return err
	})
	if errors.As(err, new(*panicError)) && file != nil {
		file.Close() // gives up the lock; the mapping is lost
	}
	if err != nil {
		return nil, err
	}
	db.AllocSize = allocSize
	if h.allocSize != 0 {
		db.AllocSize = h.allocSize
	}
	return db, nil
}

// Close closes the file and all its logs. Calls that run end first; those that wait end with
// dstm.ErrLogClosed. Closing twice is no error.
func (s *Store) Close() error {
	s.end(nil)
	var err error
	s.ending.Do(func() { err = s.release() })
	return err
}

// end makes the store refuse everything from now on.
func (s *Store) end(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done {
		s.done, s.cause = true, cause
		close(s.closed)
	}
}

// release closes the file once nobody uses it.
func (s *Store) release() error {
	released := make(chan error, 1)
	go func() { released <- guard(s.db.Close) }()
	s.mu.Lock()
	stuck := s.stuck
	s.mu.Unlock()
	if !stuck {
		return closeError(<-released)
	}
	select {
	case err := <-released:
		return closeError(err)
	case <-time.After(time.Second):
		return status.New(status.Unavailable, "", "the file cannot be closed after damage was met; it stays locked until the process ends")
	}
}

// gone returns the error of a store that has closed, nil while it works.
func (s *Store) gone() error {
	select {
	case <-s.closed:
		s.mu.Lock()
		defer s.mu.Unlock()
		return closedError(s.cause)
	default:
		return nil
	}
}

func closeError(err error) error {
	if err == nil {
		return nil
	}
	return status.New(status.Unavailable, "", "closing the file failed").Because(err)
}

// openError gives an error of opening its code.
func openError(path string, err error) error {
	var coded *status.Error
	switch {
	case errors.As(err, &coded):
		return err
	case errors.Is(err, berrors.ErrTimeout):
		return status.New(status.Unavailable, ErrLocked, "%s is open in another process or store", path).Because(err)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.As(err, new(*panicError)):
		return damaged("%s is damaged or not a file of this kind", path).Because(err)
	case errors.Is(err, berrors.ErrVersionMismatch):
		return status.New(status.FailedPrecondition, ErrFormatNewer, "%s has another version of the file format", path).Because(err)
	case errors.Is(err, fs.ErrNotExist):
		return status.New(status.NotFound, "", "the folder of %s does not exist", path).Because(err)
	case errors.Is(err, fs.ErrPermission):
		return status.New(status.PermissionDenied, "", "%s cannot be opened by this user", path).Because(err)
	}
	return status.New(status.Unavailable, "", "%s cannot be opened", path).Because(err)
}
