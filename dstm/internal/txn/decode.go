package txn

import (
	"errors"
	"math"
	"unicode"
	"unicode/utf8"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// Limits of one transaction (docs/PROTOCOL.md, section 11).
const (
	MaxBytes      = 512 << 10
	MaxOperations = 10_000
	MaxParts      = 16
	MaxAfter      = 64
	MaxName       = 255
	MaxEpoch      = 32
	// MaxNesting bounds the keys of a path and the nesting of the value there, so that any
	// frame that carries the value stays within the walker's depth.
	MaxNesting = 48
	maxCounter = 1<<53 - 1
)

// Errors of decoding.
var (
	// ErrShape: the frame is not a commit frame at all; there may be no sequence to answer.
	ErrShape = errors.New("a commit frame lacks an element or has one of the wrong type")
	// ErrTooLarge: beyond MaxBytes, MaxOperations or MaxParts.
	ErrTooLarge = errors.New("the transaction is too large")
	// ErrInvalid and what wraps it: the transaction is malformed in its content.
	ErrInvalid = errors.New("the transaction is malformed")
)

type invalid string

func (e invalid) Error() string { return string(e) }
func (e invalid) Unwrap() error { return ErrInvalid }

// Decode reads what AppendBody wrote; it keeps no part of the bytes. When it
// fails with ErrTooLarge or ErrInvalid, the transaction it returns still holds
// sequence and settled, so that the failure can be answered; with ErrShape it cannot.
func Decode(r *codec.Reader) (*Transaction, error) {
	t := &Transaction{Sequence: counter(r), Settled: counter(r)}
	flags := r.Int()
	t.Position = counter(r)
	t.Again = flags&1 != 0
	if r.Err() != nil || t.Sequence == 0 || t.Sequence > maxCounter || t.Settled >= t.Sequence || t.Position > maxCounter || r.Len() < 3 {
		return nil, ErrShape
	}
	if len(r.Rest()) > MaxBytes {
		return t, ErrTooLarge
	}
	var err error
	if t.After, err = readAfter(r, t.Sequence); err != nil {
		return t, err
	}
	if t.Metadata, err = ReadMetadata(r); err != nil {
		return t, err
	}
	t.Parts, err = ReadParts(r)
	if err == nil && r.Err() != nil {
		err = ErrShape
	}
	return t, err
}

// counter reads a counter; one out of range comes out above maxCounter.
func counter(r *codec.Reader) uint64 { return uint64(r.Int()) }

func readAfter(r *codec.Reader, before uint64) ([]uint64, error) {
	if r.Nil() {
		return nil, nil
	}
	a := r.Array()
	if r.Err() != nil || a.Len() > MaxAfter {
		return nil, invalid("after is not a list of at most 64 sequences")
	}
	var out []uint64
	for last := uint64(0); a.Len() > 0; {
		seq := counter(&a)
		if a.Err() != nil || seq <= last || seq >= before {
			return nil, invalid("after is not a list of ascending earlier sequences")
		}
		out, last = append(out, seq), seq
	}
	return out, nil
}

// ReadMetadata reads an optional metadata map into its canonical form.
func ReadMetadata(r *codec.Reader) (codec.Raw, error) {
	if r.Len() == 0 || r.Nil() {
		return nil, nil
	}
	if r.Kind() != codec.Map {
		return nil, invalid("metadata is not a map")
	}
	raw := r.Raw()
	m := codec.NewReader(raw, 1)
	pairs := m.Map()
	if pairs.Len() > 2*32 {
		return nil, invalid("metadata has more than 32 entries")
	}
	for pairs.Len() > 0 {
		key := pairs.Text()
		var size int
		if pairs.Kind() == codec.String {
			size = len(pairs.Text())
		} else {
			size = len(pairs.Raw())
		}
		if pairs.Err() != nil || len(key) > 255 || size > 4<<10 {
			return nil, invalid("a metadata entry is too long")
		}
	}
	out, err := codec.Canonical(nil, raw)
	if err != nil {
		return nil, invalid("metadata is malformed")
	}
	return out, nil
}

// ReadParts reads a list of parts and checks all that can be checked without state.
func ReadParts(r *codec.Reader) ([]Part, error) {
	a := r.Array()
	if r.Err() != nil || a.Len() == 0 {
		return nil, invalid("a transaction has no parts")
	}
	if a.Len() > MaxParts {
		return nil, ErrTooLarge
	}
	parts := make([]Part, 0, a.Len())
	operations := 0
	for a.Len() > 0 {
		p, err := readPart(&a, &operations)
		if err != nil {
			return nil, err
		}
		for i := range parts {
			if parts[i].Object == p.Object {
				return nil, invalid("an object stands in two parts")
			}
		}
		parts = append(parts, p)
	}
	return parts, nil
}

func readPart(r *codec.Reader, operations *int) (p Part, err error) {
	a := r.Array()
	p.Object, p.Epoch, p.Base = a.String(), a.String(), counter(&a)
	if a.Err() != nil || !ValidName(p.Object) || len(p.Epoch) > MaxEpoch || p.Base > maxCounter {
		return p, invalid("a part has no valid object, epoch or base")
	}
	reads := a.Array()
	if *operations += reads.Len(); *operations > MaxOperations {
		return p, ErrTooLarge
	}
	for reads.Len() > 0 {
		read, err := readRead(&reads)
		if err != nil {
			return p, err
		}
		p.Reads = append(p.Reads, read)
	}
	if a.Err() != nil || reads.Err() != nil {
		return p, invalid("a part has no list of reads")
	}
	p.Writes, err = ReadWrites(&a, operations)
	return p, err
}

// ValidName reports whether name may name an object or a log.
func ValidName(name string) bool {
	if len(name) < 1 || len(name) > MaxName || !utf8.ValidString(name) {
		return false
	}
	for _, c := range name {
		if unicode.IsControl(c) {
			return false
		}
	}
	return true
}

func readRead(r *codec.Reader) (Read, error) {
	a := r.Array()
	read := Read{Kind: ReadKind(a.Int())}
	var err error
	if read.Path, err = ReadPath(&a); err != nil {
		return read, err
	}
	switch read.Kind {
	case ReadValue, ReadAbsent, ReadKeys, ReadSubtree:
	case ReadHash, ReadKeysHash:
		if !a.Nil() {
			read.Hash = append([]byte(nil), a.Bytes()...)
			if len(read.Hash) != tree.HashSize {
				return read, invalid("a hash has not 16 bytes")
			}
		}
	default:
		return read, invalid("unknown kind of read")
	}
	if a.Err() != nil {
		return read, invalid("a read lacks an element")
	}
	return read, nil
}

// ReadWrites reads a list of writes; operations counts them and what came before.
func ReadWrites(r *codec.Reader, operations *int) ([]Write, error) {
	a := r.Array()
	if r.Err() != nil {
		return nil, invalid("a part has no list of writes")
	}
	if *operations += a.Len(); *operations > MaxOperations {
		return nil, ErrTooLarge
	}
	writes := make([]Write, 0, a.Len())
	for a.Len() > 0 {
		w, err := readWrite(&a)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	return writes, nil
}

func readWrite(r *codec.Reader) (Write, error) {
	a := r.Array()
	w := Write{Op: Op(a.Int())}
	var err error
	if w.Path, err = ReadPath(&a); err != nil {
		return w, err
	}
	switch w.Op {
	case OpSet:
		w.Value, err = readValue(&a, len(w.Path))
	case OpDelete:
		if len(w.Path) == 0 {
			return w, invalid("the root cannot be deleted")
		}
	case OpAdd:
		err = w.readAdd(&a)
	default:
		return w, invalid("unknown kind of write")
	}
	if err == nil && a.Err() != nil {
		err = invalid("a write lacks an element")
	}
	return w, err
}

func (w *Write) readAdd(a *codec.Reader) (err error) {
	if w.Value, err = readNumber(a); err != nil {
		return err
	}
	for _, bound := range []*codec.Raw{&w.Least, &w.Most} {
		if a.Len() == 0 || a.Nil() {
			continue
		}
		if *bound, err = readNumber(a); err != nil {
			return err
		}
	}
	return nil
}

func readNumber(a *codec.Reader) (codec.Raw, error) {
	v, err := readValue(a, 0)
	if err == nil && !tree.IsNumber(v) {
		err = invalid("add takes numbers")
	}
	return v, err
}

// ReadPath reads a path of valid keys.
func ReadPath(r *codec.Reader) (tree.Path, error) {
	a := r.Array()
	if r.Err() != nil || a.Len() > tree.MaxDepth {
		return nil, invalid("a path is not a list of at most 32 keys")
	}
	path := make(tree.Path, 0, a.Len())
	for a.Len() > 0 {
		key := a.Text()
		if a.Err() != nil || len(key) == 0 || len(key) > tree.MaxKey {
			return nil, invalid("a key is not a string of 1 to 256 bytes")
		}
		path = append(path, string(key))
	}
	return path, nil
}

func readValue(r *codec.Reader, depth int) (codec.Raw, error) {
	raw := r.Raw()
	if r.Err() != nil {
		return nil, invalid("a write lacks its value")
	}
	return CheckValue(raw, depth)
}

// CheckValue returns the canonical form of a value that may be written depth keys below the root.
func CheckValue(raw codec.Raw, depth int) (codec.Raw, error) {
	if _, err := (codec.Limits{MaxDepth: MaxNesting - depth}).Check(raw); err != nil {
		return nil, invalid("a value nests too deeply or is malformed")
	}
	value, err := codec.Canonical(nil, raw)
	if err != nil {
		return nil, invalid("a value is malformed")
	}
	r := codec.NewReader(value, 1)
	if err := finite(&r); err != nil {
		return nil, err
	}
	if _, err := tree.New(value, 0, depth); err != nil {
		return nil, invalid(err.Error())
	}
	return value, nil
}

// finite refuses NaN and infinities. It recurses no deeper than MaxNesting, which was checked.
func finite(r *codec.Reader) error {
	for r.Len() > 0 {
		var inner codec.Reader
		switch r.Kind() {
		case codec.Float:
			if f := r.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
				return invalid("NaN and infinities are refused")
			}
			continue
		case codec.List:
			inner = r.Array()
		case codec.Map:
			inner = r.Map()
		default:
			r.Skip()
			continue
		}
		if err := finite(&inner); err != nil {
			return err
		}
	}
	return r.Err()
}
