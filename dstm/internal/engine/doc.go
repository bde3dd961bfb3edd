// Package engine is the pure core of a dstm server: what a log's entries make
// of objects and clients, and what is decided about a transaction.
//
// It has no clock, no goroutine, no map order and no randomness: time is an
// input, states are immutable. Whatever it decides it decides again in the same
// way from the same log:
//
//	Decide(state, request) = (state', entry)   implies   Replay(state, entry) = state'
//
// Refusals that are not logged are kept beside the state, in a [Memory].
package engine

import (
	"crypto/sha256"
	"iter"
	"strconv"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/internal/pmap"
)

// Limits of what is remembered of one client (docs/PROTOCOL.md, section 8).
const (
	// MaxUnsettled is how many commits of a client may be unsettled.
	MaxUnsettled = 64
	// maxRefusals is how many refusals of a client are remembered, in the log and beside it.
	maxRefusals = 64
	// MaxConflicts is how many paths a conflict names at most.
	MaxConflicts = 64
	// maxConflictBytes is about how much they may take; the last may exceed it.
	maxConflictBytes = 16 << 10
	// keptConflicts is how many of them are remembered.
	keptConflicts = 8
	// keptPaths is how much memory they may take.
	keptPaths = 1 << 10
	// keptDetails is how many bytes the details of a remembered refusal may take.
	keptDetails = 1 << 10
	// dropsPerEntry bounds the client records that one entry drops, so that no entry takes long. It is
	// more than one entry can add, so the records shrink when the limits do.
	dropsPerEntry = 4
)

// Defaults of [Options].
const (
	DefaultRetention  = 14 * 24 * time.Hour
	DefaultMaxClients = 100_000
)

// ID identifies a client.
type ID = [16]byte

// Options are what a state is run with. They are not part of the log: states that differ only in them
// agree on every commit, but may forget clients earlier or later.
type Options struct {
	// Retention is how long a client is remembered after its last entry, by the time of the entries; 0 means DefaultRetention.
	Retention time.Duration
	// MaxClients is how many clients are remembered; 0 means DefaultMaxClients.
	MaxClients int
	// MaxObject is how many bytes the value of an object may take in canonical encoding; 0 means no limit. A transaction that makes a
	// larger one smaller is never refused for that.
	MaxObject int
	// Strict says which objects are judged strictly: what was read there may not have changed and changed back. nil means none.
	Strict func(object string) bool
	// Invariant is asked inside the commit whether object may go from before to after. It must be pure. nil means yes.
	Invariant func(object string, before, after *Object) error
	// Across is asked after Invariant about all that the transaction of q writes, so that it can compare objects. It must be
	// pure. nil means yes.
	Across func(q *Request, parts []Around) error
}

// Around is an object before and after a transaction.
type Around struct {
	Object        string
	Before, After *Object // the same if the transaction only read it
	Wrote         bool
}

// State is what the entries up to Position have made. It is immutable and may be
// copied and read by several goroutines.
type State struct {
	Epoch    string
	Position uint64
	Hash     [sha256.Size]byte // of the entry at Position
	Time     int64             // of that entry, nanoseconds since 1970, never decreasing
	// Forgotten is the highest last position of any client record that was dropped. Who has seen less is not believed that what it
	// sends is new.
	Forgotten uint64

	opts    Options
	objects pmap.Map[Object]
	partial bool // objects that are not here may be stored elsewhere
	clients pmap.Map[Client]
	ages    pmap.Map[aged] // of each client one, by its aged position, big endian
}

// Object is one object at one version. The zero Object is version 0, the empty map.
type Object struct {
	Root    tree.Node
	Version uint64
	// Position and Hash are those of the entry that made Version; Hash is its first 8 bytes.
	Position uint64
	Hash     [8]byte
}

// Client is what is remembered of one client.
type Client struct {
	// Last is the highest sequence that the log has an entry of.
	Last uint64
	// Settled is the highest sequence up to which the client has seen every answer.
	Settled uint64
	// Commits are those above Settled, ascending by sequence.
	Commits []Committed
	// Refusals are the logged ones above Settled, in the order of the log.
	Refusals []Refused
	// Began is the position of the first entry since which the record was never dropped.
	Began uint64
	// Position and Time are those of the client's last entry.
	Position uint64
	Time     int64

	aged uint64 // its place in ages: an earlier Position, or this
}

// Committed is the outcome of a committed transaction.
type Committed struct {
	Sequence uint64
	Position uint64
	Digest   [txn.DigestSize]byte
	Parts    []Made
}

// Made is the version of an object that a part of a transaction made, or, if it wrote nothing, saw.
type Made struct {
	Object  string
	Version uint64
}

// New is the state of an empty log.
func New(opts Options) State {
	if opts.Retention <= 0 {
		opts.Retention = DefaultRetention
	}
	if opts.MaxClients <= 0 {
		opts.MaxClients = DefaultMaxClients
	}
	return State{opts: opts}
}

var nothing Object

// Object returns the object called name, which must be resident; it is never nil and must not be changed. It panics
// if the object is not resident: to take it for one that nobody has written would give its versions away twice.
func (s *State) Object(name string) *Object {
	o, ok := s.Resident(name)
	if !ok {
		panic("engine: the object " + strconv.Quote(name) + " is not resident")
	}
	return o
}

// Objects is the number of objects that the state holds.
func (s *State) Objects() int { return s.objects.Len() }

// Each yields the objects that the state holds, in the order of their names, from the name least on.
func (s *State) Each(least string) iter.Seq2[string, *Object] { return s.objects.From(least) }

// Clients is the number of clients that are remembered.
func (s *State) Clients() int { return s.clients.Len() }

// Client returns what is remembered of a client, nil if nothing. It must not be changed.
func (s *State) Client(id ID) *Client { return s.clients.Get(string(id[:])) }
