package keep

import (
	"fmt"
	"strings"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

const replicaElements = 11

// AppendReplica is the record of an object.
func AppendReplica(name string, s *replica.Saved) []byte {
	b := begin(s.Root.Size() + s.Root.ShapeSize() + 256)
	b = codec.AppendString(b, s.Log)
	b = codec.AppendString(b, s.Epoch)
	b = codec.AppendInt(b, int64(s.Version))
	b = codec.AppendInt(b, int64(s.Position))
	b = codec.AppendBytes(b, s.Hash[:])
	b = codec.AppendBool(b, s.Strict)
	if s.Readable == nil {
		b = codec.AppendNil(b)
	} else {
		b = codec.AppendArray(b, len(s.Readable))
		for _, path := range s.Readable {
			b = txn.AppendPath(b, path)
		}
	}
	b = codec.AppendArray(b, 3)
	b = codec.AppendInt(b, int64(s.Limits.Object))
	b = codec.AppendInt(b, int64(s.Limits.Transaction))
	b = codec.AppendInt(b, int64(s.Limits.Operations))
	b = s.Root.AppendValue(b)
	b = txn.AppendOptional(b, s.Root.Shape())
	b = codec.AppendNil(b) // for later versions
	return seal(ReplicaPrefix+name, b)
}

// ReadReplica reads what AppendReplica made for the object called name. What is in it counts as written at version 0.
func ReadReplica(name string, b []byte) (*replica.Saved, error) {
	r, err := unseal(ReplicaPrefix+name, b, replicaElements)
	if err != nil {
		return nil, err
	}
	s := &replica.Saved{Log: r.String(), Epoch: r.String(), Version: counter(&r), Position: counter(&r)}
	hash := r.Bytes()
	copy(s.Hash[:], hash)
	s.Strict = r.Bool()
	if !r.Nil() {
		if s.Readable, err = readPaths(&r); err != nil {
			return nil, ErrDamaged
		}
	}
	limits := r.Array()
	for _, to := range []*int{&s.Limits.Object, &s.Limits.Transaction, &s.Limits.Operations} {
		*to = max(0, int(limits.Int()))
	}
	value := r.Raw()
	var shape codec.Raw
	if !r.Nil() {
		shape = r.Raw()
	}
	if r.Err() != nil || limits.Err() != nil || len(hash) != len(s.Hash) || !txn.ValidName(s.Log) || len(s.Epoch) < 1 || len(s.Epoch) > txn.MaxEpoch ||
		s.Version > maxCounter || s.Position > maxCounter {
		return nil, ErrDamaged
	}
	if value, shape, err = txn.CheckShaped(value, shape, 0); err != nil {
		return nil, ErrDamaged
	}
	root, err := tree.New(value, shape, 0, 0)
	if err != nil || !root.IsMap() {
		return nil, ErrDamaged
	}
	s.Root = &root
	return s, nil
}

func readPaths(r *codec.Reader) ([]tree.Path, error) {
	a := r.Array()
	paths := []tree.Path{}
	for a.Len() > 0 && len(paths) < txn.MaxOperations {
		path, err := txn.ReadPath(&a)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	if a.Len() > 0 {
		return nil, ErrDamaged
	}
	return paths, r.Err()
}

// TailKey is the key of the n-th tail of an object.
func TailKey(name string, n int) string { return fmt.Sprintf("%s%08x/%s", TailPrefix, n, name) }

// TailOf is what TailKey was made of.
func TailOf(key string) (name string, n int, ok bool) {
	rest, _ := strings.CutPrefix(key, TailPrefix)
	if len(rest) < 10 || rest[8] != '/' {
		return "", 0, false
	}
	if _, err := fmt.Sscanf(rest[:8], "%08x", &n); err != nil {
		return "", 0, false
	}
	return rest[9:], n, TailKey(rest[9:], n) == key
}

// AppendTail is the record of what changed in an object since it was stored.
func AppendTail(key string, steps []replica.Step) []byte {
	b := codec.AppendArray(begin(256), len(steps))
	for i := range steps {
		s := &steps[i]
		b = codec.AppendArray(b, 4)
		b = codec.AppendInt(b, int64(s.Version))
		b = codec.AppendInt(b, int64(s.Position))
		b = codec.AppendBytes(b, s.Hash[:])
		b = txn.AppendWrites(b, s.Writes)
	}
	return seal(key, b)
}

// Extend applies a tail to what was stored before; on an error s is no longer of use.
func Extend(s *replica.Saved, key string, b []byte) error {
	r, err := unseal(key, b, 1)
	if err != nil {
		return err
	}
	a := r.Array()
	for a.Len() > 0 {
		fields := a.Array()
		version, position := counter(&fields), counter(&fields)
		hash := fields.Bytes()
		operations := 0
		writes, err := txn.ReadWrites(&fields, &operations)
		if err != nil || fields.Err() != nil || len(hash) != len(s.Hash) || version != s.Version+1 || position > maxCounter {
			return ErrDamaged
		}
		root, _, err := txn.Apply(*s.Root, writes, 0)
		if err != nil {
			return ErrDamaged
		}
		s.Root, s.Version, s.Position = &root, version, position
		copy(s.Hash[:], hash)
	}
	if a.Err() != nil {
		return ErrDamaged
	}
	return nil
}
