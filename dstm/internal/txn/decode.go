package txn

import (
	"errors"
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

// Error implements error.
func (e invalid) Error() string { return string(e) }

// Unwrap says so to [errors.Is].
func (e invalid) Unwrap() error { return ErrInvalid }

// Decode reads what AppendBody wrote; it keeps no part of the bytes. When it
// fails with ErrTooLarge or ErrInvalid, the transaction it returns still holds
// sequence and settled, so that the failure can be answered; with ErrShape it cannot.
func Decode(r *codec.Reader) (*Transaction, error) {
	t := &Transaction{Sequence: counter(r), Settled: counter(r), Attempt: 1}
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
	if t.Parts, err = ReadParts(r); err != nil {
		return t, err
	}
	if r.Len() > 0 && !r.Nil() {
		if t.Attempt = counter(r); r.Err() != nil || t.Attempt < 1 || t.Attempt > maxCounter {
			return t, invalid("attempt is not a counter from 1")
		}
	}
	return t, nil
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
