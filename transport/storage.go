package transport

import (
	"maps"
	"sync"

	"github.com/trefoilgo/trefoil/status"
)

// Storage is a client's own small database: its key, and what its patterns keep over the end of the process, each in
// spaces of its own name. The same Storage goes into [ClientOptions] and into the options of the patterns. One live client at a time may
// use it. Its methods may be called from several goroutines.
type Storage interface {
	// Key is who the client is, the same for as long as the Storage exists.
	Key() Key
	// Load returns all values of a space, by key. They are the caller's.
	Load(space string) (map[string][]byte, error)
	// Apply makes all changes, in order, or none, and returns when they are durable. After an error that is no ErrStorageClosed
	// they may have been made. It keeps nothing of the changes.
	Apply(changes []StorageChange) error
	// Close ends the use. What waits for Apply ends first. Idempotent; later calls fail with ErrStorageClosed.
	Close() error
}

// StorageChange puts one value, or deletes it.
type StorageChange struct {
	Space string
	Key   string // 1 to 1,024 bytes
	Value []byte // nil deletes; a value may be empty
}

// Errors of a [Storage]; compare with errors.Is.
const (
	// ErrStorageClosed: the Storage is closed. Code unavailable.
	ErrStorageClosed = status.Reason("transport.storage_closed")
	// ErrStorageKey: a space or key is empty or longer than 1,024 bytes. Code invalid_argument; nothing was changed.
	ErrStorageKey = status.Reason("transport.storage_key")
)

// CheckStorageChanges is what every Storage demands of changes: an error with the reason ErrStorageKey, or nil.
func CheckStorageChanges(changes []StorageChange) error {
	const most = 1024
	for i := range changes {
		if c := &changes[i]; len(c.Space) < 1 || len(c.Space) > most || len(c.Key) < 1 || len(c.Key) > most {
			return status.New(status.InvalidArgument, ErrStorageKey, "a space and a key have 1 to %d bytes", most)
		}
	}
	return nil
}

// NewMemoryStorage makes a Storage that is as durable as the process: for tests, and for programs that keep nothing.
func NewMemoryStorage() Storage {
	return &memoryStorage{key: NewKey(), spaces: map[string]map[string][]byte{}}
}

type memoryStorage struct {
	key    Key
	mu     sync.Mutex
	spaces map[string]map[string][]byte
	closed bool
}

// Key implements [Storage].
func (m *memoryStorage) Key() Key { return m.key }

// Load implements [Storage].
func (m *memoryStorage) Load(space string) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errStorageClosed
	}
	values := maps.Clone(m.spaces[space])
	for key, value := range values {
		values[key] = append([]byte{}, value...)
	}
	return values, nil
}

// Apply implements [Storage].
func (m *memoryStorage) Apply(changes []StorageChange) error {
	if err := CheckStorageChanges(changes); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errStorageClosed
	}
	for _, c := range changes {
		space := m.spaces[c.Space]
		switch {
		case c.Value == nil:
			delete(space, c.Key)
			continue
		case space == nil:
			space = map[string][]byte{}
			m.spaces[c.Space] = space
		}
		space[c.Key] = append([]byte{}, c.Value...)
	}
	return nil
}

// Close implements [Storage].
func (m *memoryStorage) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

var errStorageClosed = status.New(status.Unavailable, ErrStorageClosed, "the storage is closed")
