package simtest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/trefoilgo/trefoil/transport"
)

// storage is what a client keeps over the end of its process. What has been applied stays; of a batch that is under way when the
// process ends, everything is there or nothing.
type storage struct {
	s      *simulation
	key    transport.Key
	spaces map[string]map[string][]byte
	fresh  bool          // nothing was written since the process began
	down   time.Duration // until then every Apply fails
	failed int           // how often one has
}

var (
	_ transport.Storage = (*storage)(nil)

	errStorage = errors.New("no space left on the client's device")
)

func newStorage(s *simulation, number int) *storage {
	t := &storage{s: s, spaces: map[string]map[string][]byte{}}
	t.key[0], t.key[1] = 0xc1, byte(number)
	return t
}

// copy is a storage with the same contents.
func (t *storage) copy() *storage {
	c := *t
	c.spaces = map[string]map[string][]byte{}
	for space, values := range t.spaces {
		c.spaces[space] = maps.Clone(values) // values are never changed
	}
	return &c
}

// Key implements transport.Storage.
func (t *storage) Key() transport.Key { return t.key }

// Load implements transport.Storage.
func (t *storage) Load(space string) (map[string][]byte, error) {
	values := map[string][]byte{}
	for key, value := range t.spaces[space] {
		values[key] = bytes.Clone(value)
	}
	return values, nil
}

// Apply implements transport.Storage. The process may end before or after the changes are made: then nobody hears of it.
func (t *storage) Apply(changes []transport.StorageChange) error {
	if err := transport.CheckStorageChanges(changes); err != nil {
		return err
	}
	k, first := t.s.k, t.fresh
	t.fresh = false
	k.pause(k.between(0, t.s.writing))
	err := t.trouble(first)
	if err == nil || k.chance(2) {
		t.write(changes)
	}
	k.pause(k.between(0, t.s.writing))
	return err
}

// trouble is why an Apply fails, for once or for a while. The first of a process, which stores the ceiling of sequences, does not: the clock may have
// gone back, and beyond both nothing is promised.
func (t *storage) trouble(first bool) error {
	k := t.s.k
	switch {
	case t.s.calm || first:
		return nil
	case k.now < t.down:
	case !k.chance(t.s.unwritten):
		return nil
	case k.chance(2):
		t.down = k.now + k.between(0, 3*time.Second)
	}
	t.failed++
	t.s.count.add("storage failures")
	k.note("the storage of client %d fails", t.key[1])
	return errStorage
}

func (t *storage) write(changes []transport.StorageChange) {
	if k := t.s.k; k.trace.keep { // as with frames, words are for a reader alone
		var b strings.Builder
		for _, c := range changes {
			fmt.Fprintf(&b, " %s:%d", c.Key, len(c.Value))
		}
		k.trace.add(k.now, fmt.Sprintf("the storage of client %d now has%s", t.key[1], b.String()))
	}
	for _, c := range changes {
		if c.Value == nil {
			delete(t.spaces[c.Space], c.Key)
			continue
		}
		if t.spaces[c.Space] == nil {
			t.spaces[c.Space] = map[string][]byte{}
		}
		t.spaces[c.Space][c.Key] = bytes.Clone(c.Value)
	}
}

// Close implements transport.Storage; a process ends without it.
func (t *storage) Close() error { return nil }
