package bolt

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/transport"
	"github.com/trefoilgo/trefoil/transport/storagetest"
)

func TestClientFile(t *testing.T) {
	folder := t.TempDir()
	storagetest.Run(t, func(t *testing.T, name string) transport.Storage {
		f, err := OpenClient(filepath.Join(folder, name), nil)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}, true)
}

// TestClientFileIsAlone: two processes, or two parts of one, never are one client.
func TestClientFileIsAlone(t *testing.T) {
	path := newPath(t)
	f, err := OpenClient(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenClient(path, &Options{LockTimeout: 1}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second opener: %v", err)
	}
	f.Close()
	if f, err = OpenClient(path, nil); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// edit changes a closed file by hand.
func edit(t *testing.T, path string, fn func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(fn), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestClientFileRefused: a file of a newer version, of a server, of another program, cut, or with another key in it is refused as
// what it is, and stays as it was.
func TestClientFileRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  error
	}{
		"newer": {func(t *testing.T, path string) {
			edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket(clientBucket).Put(versionKey, []byte{clientFormat + 1}) })
		}, ErrFormatNewer},
		"key": {func(t *testing.T, path string) {
			edit(t, path, func(tx *bbolt.Tx) error {
				raw := bytes.Clone(tx.Bucket(clientBucket).Get(keyKey))
				raw[3]++
				return tx.Bucket(clientBucket).Put(keyKey, raw)
			})
		}, ErrDamaged},
		"short key": {func(t *testing.T, path string) {
			edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket(clientBucket).Put(keyKey, []byte("key")) })
		}, ErrDamaged},
		"no key": {func(t *testing.T, path string) {
			edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket(clientBucket).Delete(keyKey) })
		}, ErrDamaged},
		"cut": {func(t *testing.T, path string) {
			if err := os.Truncate(path, 9000); err != nil {
				t.Fatal(err)
			}
		}, ErrDamaged},
		"a server's": {func(t *testing.T, path string) {
			os.Remove(path)
			s, err := Open(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
		}, ErrForeign},
		"another program's": {func(t *testing.T, path string) {
			os.WriteFile(path, bytes.Repeat([]byte("text "), 5000), 0o600)
		}, ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			f, err := OpenClient(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Apply([]transport.StorageChange{{Space: "a", Key: "k", Value: make([]byte, 50_000)}}); err != nil {
				t.Fatal(err)
			}
			f.Close()
			c.spoil(t, path)
			before, _ := os.ReadFile(path)
			if f, err := OpenClient(path, nil); !errors.Is(err, c.want) {
				t.Errorf("got %v, %v, want %v", f, err, c.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
	path := newPath(t)
	f, err := OpenClient(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := Open(path, nil); !errors.Is(err, ErrForeign) {
		t.Errorf("a server opens a client's file: %v", err)
	}
}
