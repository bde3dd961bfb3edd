package engine

import (
	"fmt"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// known answers a transaction whose sequence was used before.
func (d *decider) known() bool {
	sequence := d.tx.Sequence
	if c := d.client; c != nil && sequence <= c.Last {
		if i := slices.IndexFunc(c.Commits, func(x Committed) bool { return x.Sequence == sequence }); i >= 0 {
			if c.Commits[i].Digest != d.digest {
				d.out.Refusal = refusal(status.InvalidArgument, reason.SequenceReused, "the sequence was used for another transaction")
				return true
			}
			d.committed(&c.Commits[i])
			return true
		}
		if r := findRefused(c.Refusals, sequence); r != nil {
			d.out.Refusal = r
			return true
		}
		if d.maybeDone() {
			d.out.Refusal = outcomeUnknown(forgottenOutcome)
			return true
		}
		if r := d.memory.refusal(d.q.Client, sequence); r != nil { // no copy can commit any more, so the log need not say it
			d.out.Refusal = r
			return true
		}
		d.out.Refusal = refusal(status.FailedPrecondition, reason.StaleSequence, "the sequence is not above the last one")
		return true
	}
	// Before the memory, which knows nothing of what became of other copies elsewhere.
	if r := d.refuseForgotten(); r != nil {
		d.out.Refusal = r
		return true
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
		d.out.Refusal = refusal(status.FailedPrecondition, reason.StaleSequence, "the sequence is not above the last one")
		return true
	}
	return false
}

const forgottenOutcome = "the log no longer knows what became of it"

// refuseForgotten refuses a transaction that may have been decided before, though the record that could tell was dropped. One that
// comes for the first time may be late: it was cut off with its connection, and a copy that was sent on the next one has overtaken it.
// Then nobody hears this answer. If it is the only one it has not taken effect, and its client makes another one
// once it has seen more.
func (d *decider) refuseForgotten() *Refusal {
	switch {
	case d.maybeDone():
		return outcomeUnknown(forgottenOutcome)
	case !d.tx.Again && !d.q.Own && d.forgotten(d.tx.Position):
		d.out.Old = true
		return conflict(nil)
	}
	return nil
}

// maybeDone reports whether whoever is answered may have another copy in the log that was forgotten.
func (d *decider) maybeDone() bool {
	if d.tx.Again {
		return d.forgotten(d.tx.Position)
	}
	return d.q.Tried && d.forgotten(d.q.Behind)
}

// forgotten reports whether the log may have an entry of the transaction behind a position, and no record of it any more; the client may
// have a new record, which knows nothing of it.
func (d *decider) forgotten(behind uint64) bool {
	return len(d.tx.Parts) > 0 && behind < d.Forgotten && (d.client == nil || d.client.Began > behind)
}

// refuseUnseen finds reasons to refuse a new transaction that need no look at what it read; logged
// is false for those that will be found again whenever and wherever it is sent again.
func (d *decider) refuseUnseen() (r *Refusal, logged bool) {
	if d.tx.Again && slices.ContainsFunc(d.tx.Parts, func(p txn.Part) bool { return p.Epoch != d.Epoch }) {
		return outcomeUnknown("the transaction was first sent in another epoch"), false
	}
	if d.q.Refusal != nil {
		return d.q.Refusal, len(d.tx.Parts) > 0 // without parts it was malformed, and is wherever it comes
	}
	if r := d.unreadable(); r != nil {
		return r, true
	}
	if d.unsettled() >= MaxUnsettled {
		return refusal(status.ResourceExhausted, reason.Busy, "too many transactions of this client are not settled"), true
	}
	if d.depends() {
		return refusal(status.Aborted, reason.Depends, "a transaction that this one presumes was not committed"), true
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

// unreadable refuses reads of what the author may not read.
func (d *decider) unreadable() *Refusal {
	if d.q.Readable == nil {
		return nil
	}
	for i := range d.tx.Parts {
		p := &d.tx.Parts[i]
		paths := d.q.Readable(p.Object)
		if paths == nil {
			continue
		}
		for j := range p.Reads {
			if !slices.ContainsFunc(paths, p.Reads[j].Path.Starts) {
				return refusal(status.PermissionDenied, reason.Denied, fmt.Sprintf("%q of %q is not readable", p.Reads[j].Path, p.Object))
			}
		}
	}
	return nil
}

// unsettled counts the commits that the client has not seen answered.
func (d *decider) unsettled() int {
	if d.client == nil {
		return 0
	}
	return len(trimCommits(d.client.Commits, d.tx.Settled))
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
