// Package keep is how a client stores what is to outlive its process: the records of docs/decisions/0016-offline.md. It is pure: bytes
// in, values out.
//
// A record begins with a format byte and 8 bytes of a checksum over its key and what follows, so that what was damaged, cut, edited
// by hand or put under another key is told from what was stored.
package keep

import (
	"crypto/sha256"
	"errors"

	"github.com/trefoilgo/trefoil/codec"
)

// format is the one that this version writes and reads.
const format = 1

const headSize = 9

// Errors of decoding.
var (
	// ErrNewer: a later version wrote the record.
	ErrNewer = errors.New("a later version wrote the record")
	// ErrDamaged: the record is not what was stored.
	ErrDamaged = errors.New("the record is damaged")
)

// maxCounter is the highest counter there can be.
const maxCounter = 1<<53 - 1

// begin starts a record.
func begin(size int) []byte { return make([]byte, headSize, headSize+size) }

// seal finishes a record that is to stand under key.
func seal(key string, b []byte) []byte {
	b[0] = format
	sum := checksum(key, b[headSize:])
	copy(b[1:], sum[:])
	return b
}

func checksum(key string, body []byte) (sum [8]byte) {
	h := sha256.New()
	h.Write([]byte{format, byte(len(key)), byte(len(key) >> 8)})
	h.Write([]byte(key))
	h.Write(body)
	copy(sum[:], h.Sum(nil))
	return sum
}

// unseal returns a reader of the n values of a record.
func unseal(key string, b []byte, n int) (r codec.Reader, err error) {
	switch {
	case len(b) > 0 && b[0] > format:
		return r, ErrNewer
	case len(b) < headSize || b[0] != format || checksum(key, b[headSize:]) != [8]byte(b[1:headSize]):
		return r, ErrDamaged
	}
	body := b[headSize:]
	for range n { // each value is one that the walker accepts
		size, err := codec.Check(body)
		if err != nil {
			return r, ErrDamaged
		}
		body = body[size:]
	}
	if len(body) > 0 {
		return r, ErrDamaged
	}
	return codec.NewReader(b[headSize:], n), nil
}

// counter reads a counter; a negative one comes out above maxCounter.
func counter(r *codec.Reader) uint64 { return uint64(r.Int()) }

// The keys of records in their space.
const (
	// Space is the one of all records.
	Space = "dstm"
	// CeilingKey is that of the ceiling, CacheKey that of the list of replicas.
	CeilingKey = "ceiling"
	CacheKey   = "cache"
	// Prefixes of keys: the work's or item's id, or the object's name, follows; of a tail, a number in 8 digits of hex, a slash, and the name.
	WorkPrefix    = "work/"
	ItemPrefix    = "inbox/"
	ReplicaPrefix = "replica/"
	TailPrefix    = "tail/"
	// AsidePrefix is that of what could not be read, behind which its key follows.
	AsidePrefix = "aside/"
)

// AppendCeiling is the record of the ceiling: sequences below it may have been used.
func AppendCeiling(ceiling uint64) []byte {
	return seal(CeilingKey, codec.AppendInt(begin(9), int64(ceiling)))
}

// MaxCeiling is the highest ceiling that a client accepts, far above the clock of this century.
const MaxCeiling = maxCounter - 1<<40

// Ceiling reads what AppendCeiling made.
func Ceiling(b []byte) (uint64, error) {
	r, err := unseal(CeilingKey, b, 1)
	if err != nil {
		return 0, err
	}
	if n := counter(&r); r.Err() == nil && n <= MaxCeiling {
		return n, nil
	}
	return 0, ErrDamaged
}

// Cached names a stored replica; a list of them has the most recently opened first.
type Cached struct {
	Name  string
	Level bool // it was stored at one position of its log with all others of which that is said
}

// maxCached bounds what a list of replicas may hold.
const maxCached = 1 << 16

// AppendCache is the record of the list of replicas.
func AppendCache(list []Cached) []byte {
	b := codec.AppendArray(begin(64*len(list)+8), len(list))
	for _, c := range list {
		b = codec.AppendArray(b, 2)
		b = codec.AppendString(b, c.Name)
		b = codec.AppendBool(b, c.Level)
	}
	return seal(CacheKey, b)
}

// Cache reads what AppendCache made.
func Cache(b []byte) (list []Cached, err error) {
	r, err := unseal(CacheKey, b, 1)
	if err != nil {
		return nil, err
	}
	a := r.Array()
	for a.Len() > 0 && len(list) < maxCached {
		pair := a.Array()
		c := Cached{Name: pair.String(), Level: pair.Bool()}
		if pair.Err() != nil {
			return nil, ErrDamaged
		}
		list = append(list, c)
	}
	if a.Len() > 0 || a.Err() != nil || r.Err() != nil {
		return nil, ErrDamaged
	}
	return list, nil
}
