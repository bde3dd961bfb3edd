// Package storagetest is what every transport.Storage must do, as tests.
package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/transport"
)

// Run runs the kit. Open opens the Storage of that name, a new one at the first call for it; reopened tells whether what was
// stored before is expected to be there when the one before was closed.
func Run(t *testing.T, open func(t *testing.T, name string) transport.Storage, reopens bool) {
	t.Run("Changes", func(t *testing.T) { changes(t, open(t, "changes")) })
	t.Run("Copies", func(t *testing.T) { copies(t, open(t, "copies")) })
	t.Run("Keys", func(t *testing.T) { keys(t, open(t, "keys")) })
	t.Run("Many", func(t *testing.T) { many(t, open(t, "many")) })
	t.Run("Closed", func(t *testing.T) { closed(t, open(t, "closed")) })
	if reopens {
		t.Run("Reopened", func(t *testing.T) { reopened(t, open) })
	}
	one, two := open(t, "one"), open(t, "two")
	defer one.Close()
	defer two.Close()
	if key := one.Key(); key == two.Key() || key != one.Key() || key == (transport.Key{}) {
		t.Error("two storages have the same key, or one has none, or changes it")
	}
}

func apply(t *testing.T, s transport.Storage, changes ...transport.StorageChange) {
	t.Helper()
	if err := s.Apply(changes); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, s transport.Storage, space string, want map[string]string) {
	t.Helper()
	got, err := s.Load(space)
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for key, value := range got {
		if value == nil {
			t.Errorf("%q is nil", key)
		}
		text[key] = string(value)
	}
	if !maps.Equal(text, want) {
		t.Errorf("%s holds %q, want %q", space, text, want)
	}
}

func changes(t *testing.T, s transport.Storage) {
	defer s.Close()
	expect(t, s, "a", nil)
	apply(t, s)
	apply(t, s,
		transport.StorageChange{Space: "a", Key: "k", Value: []byte("1")},
		transport.StorageChange{Space: "a", Key: "empty", Value: []byte{}},
		transport.StorageChange{Space: "a/b", Key: "k", Value: []byte("2")},
		transport.StorageChange{Space: "b", Key: "none"},
	)
	expect(t, s, "a", map[string]string{"k": "1", "empty": ""})
	expect(t, s, "a/b", map[string]string{"k": "2"})
	expect(t, s, "b", nil)
	apply(t, s, // in order: the last counts
		transport.StorageChange{Space: "a", Key: "k"},
		transport.StorageChange{Space: "a", Key: "k", Value: []byte("3")},
		transport.StorageChange{Space: "a", Key: "gone", Value: []byte("4")},
		transport.StorageChange{Space: "a", Key: "gone"},
		transport.StorageChange{Space: "a", Key: "empty"},
	)
	expect(t, s, "a", map[string]string{"k": "3"})
	expect(t, s, "a/b", map[string]string{"k": "2"})
}

func copies(t *testing.T, s transport.Storage) {
	defer s.Close()
	value := []byte("before")
	apply(t, s, transport.StorageChange{Space: "a", Key: "k", Value: value})
	copy(value, "behind")
	first, err := s.Load("a")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first["k"], []byte("before")) {
		t.Error("it keeps the caller's bytes")
	}
	copy(first["k"], "behind")
	first["new"] = nil
	expect(t, s, "a", map[string]string{"k": "before"})
}

func keys(t *testing.T, s transport.Storage) {
	defer s.Close()
	long := strings.Repeat("k", 1024)
	apply(t, s, transport.StorageChange{Space: "a", Key: long, Value: []byte("1")}, transport.StorageChange{Space: "__proto__", Key: "\x00/\xff", Value: []byte("2")})
	expect(t, s, "a", map[string]string{long: "1"})
	expect(t, s, "__proto__", map[string]string{"\x00/\xff": "2"})
	for _, bad := range []transport.StorageChange{{Space: "a"}, {Key: "k"}, {Space: "a", Key: long + "k"}, {Space: long + "k", Key: "a"}} {
		err := s.Apply([]transport.StorageChange{{Space: "a", Key: "half", Value: []byte("x")}, bad})
		if !errors.Is(err, transport.ErrStorageKey) {
			t.Errorf("space of %d and key of %d bytes: %v", len(bad.Space), len(bad.Key), err)
		}
	}
	expect(t, s, "a", map[string]string{long: "1"}) // all or none
}

func many(t *testing.T, s transport.Storage) {
	defer s.Close()
	var wg sync.WaitGroup
	want := map[string]string{}
	for i := range 8 {
		value := strings.Repeat(fmt.Sprint(i), 100_000)
		for j := range 8 {
			want[fmt.Sprint(i, j)] = value
		}
		wg.Go(func() {
			for j := range 8 {
				if err := s.Apply([]transport.StorageChange{{Space: "m", Key: fmt.Sprint(i, j), Value: []byte(value)}}); err != nil {
					t.Error(err)
				}
				if _, err := s.Load("m"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	expect(t, s, "m", want)
	var all []transport.StorageChange
	for _, key := range slices.Sorted(maps.Keys(want)) {
		all = append(all, transport.StorageChange{Space: "m", Key: key})
	}
	apply(t, s, all...)
	expect(t, s, "m", nil)
}

func closed(t *testing.T, s transport.Storage) {
	key := s.Key()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Load("a"); !errors.Is(err, transport.ErrStorageClosed) {
		t.Error(err)
	}
	if err := s.Apply([]transport.StorageChange{{Space: "a", Key: "k"}}); !errors.Is(err, transport.ErrStorageClosed) {
		t.Error(err)
	}
	if s.Key() != key {
		t.Error("the key changes")
	}
}

func reopened(t *testing.T, open func(t *testing.T, name string) transport.Storage) {
	s := open(t, "again")
	key := s.Key()
	apply(t, s, transport.StorageChange{Space: "a", Key: "k", Value: []byte("1")}, transport.StorageChange{Space: "a", Key: "empty", Value: []byte{}})
	s.Close()
	s = open(t, "again")
	defer s.Close()
	if s.Key() != key {
		t.Error("another key")
	}
	expect(t, s, "a", map[string]string{"k": "1", "empty": ""})
}
