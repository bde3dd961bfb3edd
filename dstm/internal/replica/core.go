// Package replica is a client's side of dstm as a pure state machine: the
// objects that it has open, its own transactions that are not yet answered,
// and what both look like together. It knows no clock, goroutine or network: inputs are
// method calls, outputs are frames ([Core.Next]) and events ([Core.Events]), and equal
// inputs give equal outputs.
//
// An object is a confirmed root, which only the server's frames change, and layers of own
// predicted writes above it. What the user sees is the fold of both. Taking
// a prediction back drops its layer; nothing is ever inverted.
package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// MaxUnanswered is how many transactions of one client a server remembers
// (docs/PROTOCOL.md, section 8).
const MaxUnanswered = 64

// Core is the replicas of one client. Only one goroutine may use it at a time.
type Core struct {
	client    [16]byte
	known     bool // client is set
	connected bool
	session   uint64 // how many there were
	queued    int    // transactions not answered, in all journals
	limit     int
	collect   int    // bytes that the pieces of one object may make
	sequence  uint64 // the last one given; one counter serves all logs, gaps are allowed
	request   uint64
	objects   map[string]*object
	order     []*object // in the order of their first opening: nothing may depend on map order
	journals  []*journal
	requests  []errand // opens and closes to send
	questions []*question
	touched   []*object // by the input that is worked on
	events    []Event
	scratch   []byte
	ceiling   uint64    // sequences from here on are not sent yet; 0: there is no such bound
	tracking  bool      // objects note what is to be stored of them
	left      []*object // forgotten ones of which something is still to be stored
}

// New makes a Core that numbers its transactions from start+1 and holds at most
// limit unanswered ones.
func New(start uint64, limit int) *Core {
	return &Core{sequence: start, limit: limit, collect: maxCollected, objects: make(map[string]*object)}
}

// Kind says what an [Event] tells.
type Kind int

// The kinds of events.
const (
	// Opened: the object has a state now.
	Opened Kind = iota + 1
	// Refused: the object could not be opened, and is forgotten.
	Refused
	// Ended: the object, open before, was taken away, and is forgotten.
	Ended
	// Changed: what is seen of the object went from Before to After.
	Changed
	// Settled: the transaction is answered.
	Settled
	// Steady: all open objects of the log show the state at one position; see [Core.Steady].
	Steady
	// Moved: somebody else moved the elements Paths of lists of the object; nil: a snapshot came, and may have moved any.
	Moved
	// Revised: one revision that [Core.History] asked for.
	Revised
	// Recalled: the state that [Core.At] asked for. It ends the request.
	Recalled
	// Answered: the request is answered in full, or for the reason Err it will not be.
	Answered
	// Landed: the durable transaction is committed, and what is held of its objects that are open contains it.
	Landed
)

// Origin says why an object changed.
type Origin int

// The origins, in the order of those in package dstm.
const (
	Remote Origin = iota
	Mine
	Rollback
	Reset
)

// Event is something that a user of the Core has to hear.
type Event struct {
	Kind   Kind
	Object string // of all kinds but Settled and Steady

	Before, After *tree.Node // of Changed; After also of Recalled
	Version       uint64     // of Changed: the confirmed version; of Recalled: that of After
	Origin        Origin
	Paths         []tree.Path // where Before and After may differ; nil: anywhere

	Sequence  uint64      // of Settled and Landed
	Log       string      // of Settled and Steady
	Epoch     string      // of Settled: that of the first part; of Recalled
	Position  uint64      // of Settled, Steady and Recalled
	Made      []Made      // of a commit: what it made, for each part
	Conflicts []tree.Path // of a refusal
	Sent      bool        // of a refusal: the transaction may have been sent
	Restored  bool        // of a refusal: it was made in a process before

	Request  uint64    // of Revised, Recalled and Answered
	Revision *Revision // of Revised

	Err *status.Error // of Refused, Ended, a Settled that is no commit and an Answered that is no success
}

// Made is what a commit made of one object.
type Made struct {
	Object  string
	Version uint64 // the new one, or of a part without writes the present one
	Writes  []txn.Write
	// Before and After are the confirmed values around the commit. Both are nil if a snapshot covered it together with others' changes, or
	// if this client may not read all that it wrote.
	Before, After *tree.Node
}

// Events returns what happened since the last call.
func (c *Core) Events() []Event {
	e := c.events
	c.events = nil
	return e
}

// Passed gives events back that are done with. Their room is used again, unless it was made for many.
func (c *Core) Passed(events []Event) {
	clear(events)
	if c.events == nil && cap(events) <= fewEvents {
		c.events = events[:0]
	}
}

// fewEvents is what a transaction of one object causes, and some more.
const fewEvents = 8

func (c *Core) emit(e Event) { c.events = append(c.events, e) }

// Connected says that a session is open in which the client has this id. All
// objects are opened again, with what they hold as resume points.
func (c *Core) Connected(client [16]byte) {
	if c.known && c.client != client {
		// The server would not recognise what another client sent before: sent again, it could take effect twice.
		for _, j := range slices.Clone(c.journals) {
			c.doubt(j, func(p *pending) bool { return p.sent })
		}
	}
	c.client, c.known, c.connected = client, true, true
	c.session++
	for _, o := range c.order {
		o.returning = o.log != nil
		c.ask(o)
	}
	for _, j := range c.journals {
		c.checkReady(j)
	}
	c.done()
}

// Lost says that the session has ended. What objects hold stays.
func (c *Core) Lost() {
	c.connected = false
	c.requests = nil
	for _, o := range c.order {
		o.state, o.returning, o.partial = offline, false, nil
	}
	c.abort()
	for _, j := range c.journals {
		j.ready, j.flying = false, 0
		for _, p := range j.queue {
			p.flying, p.parked = false, false
		}
	}
	c.done()
}
