package engine

import (
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// Request is one transaction to decide.
type Request struct {
	Client ID
	User   string // valid UTF-8
	Time   int64  // the server's clock, nanoseconds since 1970
	Tx     *txn.Transaction
	// Refusal was decided before: the transaction is malformed or forbidden. It counts only
	// if the transaction is not one that was decided already.
	Refusal *Refusal
	// Tried says that the transaction, sent for the first time, may stand in the log already behind position Behind: the log
	// left open what became of an attempt to append it.
	Tried  bool
	Behind uint64
	// Own says that the server itself made the transaction: no copy of it can be under way.
	Own bool
	// Readable lists the paths of an object at and below which the author may read, nil if that is everywhere. nil
	// means everywhere in every object.
	Readable func(object string) []tree.Path
}

// Decision is what became of a Request.
type Decision struct {
	// Entry and Data are what must be in the log before the answer is given; nil if nothing.
	Entry *Entry
	Data  []byte
	// Refusal is nil if the transaction was committed.
	Refusal *Refusal
	// Position is that of the entry that committed it, now or earlier; if it only read, the state's.
	Position uint64
	// Versions has the version of each part.
	Versions []uint64
	// Above says that the transaction claims to have seen more than there is.
	Above bool
	// Old says that the transaction was refused because its client has seen too little: not what the log has forgotten.
	Old bool
}

// Decide judges one transaction against the state. Neither input is changed.
func Decide(s State, m Memory, q *Request) (State, Memory, Decision) {
	d := decider{State: s, memory: m, q: q, tx: q.Tx, digest: q.Tx.Digest(), client: s.Client(q.Client)}
	d.decide()
	return d.State, d.memory, d.out
}

// decider is one run of Decide.
type decider struct {
	State
	memory Memory
	q      *Request
	tx     *txn.Transaction
	digest [txn.DigestSize]byte
	client *Client // before the decision; nil if unknown
	out    Decision
}

func (d *decider) decide() {
	if d.known() {
		return
	}
	if r, logged := d.refuseUnseen(); r != nil {
		d.refuse(r, logged)
		return
	}
	roots, refusal := d.validate()
	if refusal != nil {
		d.refuse(refusal, true)
		return
	}
	d.commit(roots)
}

func (d *decider) committed(c *Committed) {
	d.out.Position = c.Position
	d.out.Versions = make([]uint64, len(c.Parts))
	for i, p := range c.Parts {
		d.out.Versions[i] = p.Version
	}
}

// refuse refuses the transaction. The refusal of one that may have been sent before goes to the log, if
// logged, since a copy of it may be judged elsewhere; any other is remembered in memory alone.
func (d *decider) refuse(r *Refusal, logged bool) {
	d.out.Refusal = r
	switch {
	case !d.tx.Again:
		d.memory = d.memory.with(d.q.Client, d.tx.Settled, Refused{d.tx.Sequence, r.remembered()})
	case logged:
		e := d.entry(Refuse)
		e.Refusal = r.remembered()
		d.append(e, nil)
	}
}

func (d *decider) commit(roots []tree.Node) {
	c := Committed{Position: d.Position + 1}
	e := d.entry(Commit)
	var written []tree.Node
	for i := range d.tx.Parts {
		p := &d.tx.Parts[i]
		version := d.Object(p.Object).Version
		if len(p.Writes) > 0 {
			version++
			part := Part{Object: p.Object, Version: version, Writes: p.Writes}
			part.encode()
			e.Parts = append(e.Parts, part)
			written = append(written, roots[i])
		}
		c.Parts = append(c.Parts, Made{p.Object, version})
	}
	e.Made, e.Metadata = c.Parts, d.tx.Metadata
	if len(e.Parts) == 0 { // it only read, and what it read holds now
		c.Position = d.Position
		d.committed(&c)
		return
	}
	d.append(e, written)
	d.committed(&c)
}

func (d *decider) entry(kind Kind) *Entry {
	return &Entry{
		Kind: kind, Previous: d.Hash, Position: d.Position + 1, Time: max(d.q.Time, d.Time),
		User: d.q.User, Client: d.q.Client, Sequence: d.tx.Sequence, Settled: d.tx.Settled, Digest: d.digest,
	}
}

func (d *decider) append(e *Entry, roots []tree.Node) {
	d.out.Data, d.out.Entry = e.encode(), e
	d.State = d.State.apply(e, roots)
}

// Begin returns the state in a new epoch and the entry that begins it.
func Begin(s State, time int64, epoch string) (State, *Entry, []byte) {
	e := &Entry{Kind: NewEpoch, Previous: s.Hash, Position: s.Position + 1, Time: max(time, s.Time), Epoch: epoch}
	data := e.encode()
	return s.apply(e, nil), e, data
}
