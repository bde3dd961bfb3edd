package engine

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
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

// known answers a transaction whose sequence was used before.
func (d *decider) known() bool {
	sequence := d.tx.Sequence
	if c := d.client; c != nil {
		if i := slices.IndexFunc(c.Commits, func(x Committed) bool { return x.Sequence == sequence }); i >= 0 {
			if c.Commits[i].Digest != d.digest {
				d.out.Refusal = refusal(status.InvalidArgument, reasonReused, "the sequence was used for another transaction")
				return true
			}
			d.committed(&c.Commits[i])
			return true
		}
		if r := findRefused(c.Refusals, sequence); r != nil {
			d.out.Refusal = r
			return true
		}
		if sequence <= c.Last {
			d.out.Refusal = refusal(status.FailedPrecondition, reasonStale, "the sequence is not above the last one")
			return true
		}
	}
	if r := d.memory.refusal(d.q.Client, sequence); r != nil {
		d.out.Refusal = r
		if d.tx.Again {
			// A copy of it may be on its way to another node: only the log can forbid it to commit there.
			d.refuse(r, true)
		}
		return true
	}
	if !d.tx.Again && sequence <= d.memory.last(d.q.Client) {
		d.out.Refusal = refusal(status.FailedPrecondition, reasonStale, "the sequence is not above the last one")
		return true
	}
	return false
}

// refuseUnseen finds reasons to refuse a new transaction that need no look at what it read; logged
// is false for those that will be found again whenever and wherever it is sent again.
func (d *decider) refuseUnseen() (r *Refusal, logged bool) {
	if d.tx.Again && len(d.tx.Parts) > 0 {
		if slices.ContainsFunc(d.tx.Parts, func(p txn.Part) bool { return p.Epoch != d.Epoch }) {
			return outcomeUnknown("the transaction was first sent in another epoch"), false
		}
		if d.client == nil && d.tx.Position < d.Forgotten {
			return outcomeUnknown("the log no longer knows this client"), false
		}
	}
	if d.q.Refusal != nil {
		return d.q.Refusal, len(d.tx.Parts) > 0 // without parts it was malformed, and is wherever it comes
	}
	if d.unsettled() >= MaxUnsettled {
		return refusal(status.ResourceExhausted, reasonBusy, "too many transactions of this client are not settled"), true
	}
	if d.depends() {
		return refusal(status.Aborted, reasonDepends, "a transaction that this one presumes was not committed"), true
	}
	if slices.ContainsFunc(d.tx.Parts, func(p txn.Part) bool { return p.Epoch != d.Epoch }) {
		return conflict(nil), true
	}
	if d.above() {
		d.out.Above = true
		if d.tx.Again {
			return outcomeUnknown("the transaction has seen what is not in the log"), false
		}
		return conflict(nil), true
	}
	return nil, false
}

// unsettled counts the commits that the client has not seen answered.
func (d *decider) unsettled() int {
	n := 0
	if d.client != nil {
		for i := range d.client.Commits {
			if d.client.Commits[i].Sequence > d.tx.Settled {
				n++
			}
		}
	}
	return n
}

// depends reports whether a transaction that this one presumes was refused, or never came. Of one that is
// settled and forgotten the client knows the outcome; what it presumed then is read by value and so checked.
func (d *decider) depends() bool {
	for _, sequence := range d.tx.After {
		if d.made(sequence) != nil {
			continue
		}
		if d.memory.refusal(d.q.Client, sequence) != nil {
			return true
		}
		settled := d.tx.Settled
		if d.client != nil {
			if findRefused(d.client.Refusals, sequence) != nil {
				return true
			}
			settled = max(settled, d.client.Settled)
		}
		if sequence > settled {
			return true
		}
	}
	return false
}

// made is the remembered commit of a sequence, nil if there is none.
func (d *decider) made(sequence uint64) *Committed {
	if d.client != nil {
		for i := range d.client.Commits {
			if d.client.Commits[i].Sequence == sequence {
				return &d.client.Commits[i]
			}
		}
	}
	return nil
}

// above reports whether the transaction claims to have seen more than the log holds.
func (d *decider) above() bool {
	return d.tx.Position > d.Position ||
		slices.ContainsFunc(d.tx.Parts, func(p txn.Part) bool { return p.Base > d.Object(p.Object).Version })
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
