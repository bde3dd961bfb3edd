package bolt

import (
	"bytes"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// ClientFile is a client's own file: a [transport.Storage]. All methods may be called from several goroutines.
type ClientFile struct {
	store *Store
	key   transport.Key
}

var _ transport.Storage = (*ClientFile)(nil)

var (
	clientBucket = []byte("client")
	keyKey       = []byte("key")
	spacesBucket = []byte("spaces")
)

// OpenClient opens the client's file at path, or makes it, with a new key. Nobody else can open it until [ClientFile.Close]: two
// processes never are one client. Errors and options are those of [Open]; the file of a server is [ErrForeign].
//
// A file is one client. A copy of it that is used beside it, or in its place after it went on, is a second one with the same key:
// do not copy it.
func OpenClient(path string, opts *Options) (*ClientFile, error) {
	return openClient(path, opts, hooks{})
}

func openClient(path string, opts *Options, h hooks) (*ClientFile, error) {
	h.client = true
	if h.allocSize == 0 {
		h.allocSize = 256 << 10
	}
	s, err := open(path, opts, h)
	if err != nil {
		return nil, err
	}
	f := &ClientFile{store: s}
	err = s.view(func(tx *bbolt.Tx) error {
		raw := tx.Bucket(clientBucket).Get(keyKey)
		if len(raw) == len(f.key)+len(transport.ID{}) {
			copy(f.key[:], raw)
		}
		if id := f.key.Client(); f.key == (transport.Key{}) || !bytes.Equal(raw[len(f.key):], id[:]) {
			return damaged("%s does not hold its key", path)
		}
		return nil
	})
	if err != nil {
		s.Close() // the first error is the one that says why
		return nil, err
	}
	return f, nil
}

// writeClient makes an empty file that of a new client.
func writeClient(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(clientBucket)
	if err != nil {
		return err
	}
	key := transport.NewKey()
	id := key.Client()
	return errors.Join(b.Put(versionKey, []byte{clientFormat}), b.Put(keyKey, append(key[:], id[:]...)))
}

// Key implements [transport.Storage].
func (f *ClientFile) Key() transport.Key { return f.key }

// Load implements [transport.Storage].
func (f *ClientFile) Load(space string) (map[string][]byte, error) {
	values := map[string][]byte{}
	err := f.store.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(spacesBucket)
		if b == nil || space == "" {
			return nil
		}
		if b = b.Bucket([]byte(space)); b == nil {
			return nil
		}
		return b.ForEach(func(key, value []byte) error {
			values[string(key)] = append([]byte{}, value...)
			return nil
		})
	})
	if err != nil {
		return nil, storageError(err)
	}
	return values, nil
}

// Apply implements [transport.Storage]. After any error of the disk the file is closed for good.
func (f *ClientFile) Apply(changes []transport.StorageChange) error {
	if err := transport.CheckStorageChanges(changes); err != nil {
		return err
	}
	if len(changes) == 0 {
		return storageError(f.store.gone())
	}
	return storageError(f.store.update(func(tx *bbolt.Tx) error {
		spaces, err := tx.CreateBucketIfNotExists(spacesBucket)
		for i := 0; i < len(changes) && err == nil; i++ {
			c := &changes[i]
			var b *bbolt.Bucket
			switch b, err = spaces.CreateBucketIfNotExists([]byte(c.Space)); {
			case err != nil:
			case c.Value == nil:
				err = b.Delete([]byte(c.Key))
			default:
				err = b.Put([]byte(c.Key), bytes.Clone(c.Value))
			}
		}
		return err
	}))
}

// Close implements [transport.Storage].
func (f *ClientFile) Close() error { return f.store.Close() }

// storageError gives an error of a closed store the reason that a Storage promises.
func storageError(err error) error {
	if errors.Is(err, dstm.ErrLogClosed) {
		return status.New(status.Unavailable, transport.ErrStorageClosed, "the file is closed").Because(err)
	}
	return err
}
