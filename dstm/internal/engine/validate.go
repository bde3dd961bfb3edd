package engine

import (
	"errors"
	"fmt"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/internal/fault"
	"github.com/trefoilgo/trefoil/status"
)

// maxHashed is how much one transaction may make the server hash, in the units of tree.HashWithin.
const maxHashed = 16 * tree.MaxHashed

// validate checks what the transaction read and returns what its parts make of their objects.
func (d *decider) validate() ([]tree.Node, *Refusal) {
	var conflicts conflictList
	budget := maxHashed
	skip := fault.SkipConflicts.Load()
	for i := range d.tx.Parts {
		p := &d.tx.Parts[i]
		root := &d.Object(p.Object).Root
		judge := txn.Judge{Strict: d.opts.Strict != nil && d.opts.Strict(p.Object), Budget: &budget}
		for j := range p.Reads {
			if !skip && !conflicts.full() && !txn.Holds(root, p.Base, &p.Reads[j], judge) {
				conflicts.add(i, p.Reads[j].Path)
			}
		}
	}
	roots := make([]tree.Node, len(d.tx.Parts))
	for i := range d.tx.Parts {
		w := d.writer(&d.tx.Parts[i], skip)
		at, err := w.run()
		switch {
		case errors.Is(err, errStale):
			if !conflicts.full() {
				conflicts.add(i, at)
			}
		case err != nil:
			if len(conflicts.list) > 0 {
				return nil, conflict(conflicts.list) // with the news it may well be valid
			}
			return nil, refusal(status.InvalidArgument, reason.Invalid, fmt.Sprintf("writing %q at %q: %v", w.part.Object, at, err))
		}
		roots[i] = w.root
	}
	if len(conflicts.list) > 0 {
		return nil, conflict(conflicts.list)
	}
	if r := d.oversized(roots); r != nil {
		return nil, r
	}
	return roots, d.invariants(roots)
}

// conflictList gathers what a refusal names, bounded since it waits for a client that may not read.
type conflictList struct {
	list []txn.Conflict
	size int
}

func (c *conflictList) full() bool { return len(c.list) >= MaxConflicts || c.size >= maxConflictBytes }

func (c *conflictList) add(part int, path tree.Path) {
	c.list = append(c.list, txn.Conflict{Part: part, Path: path})
	c.size += pathSize(path)
}

// oversized refuses what makes an object larger than it may be.
func (d *decider) oversized(roots []tree.Node) *Refusal {
	for i := range d.tx.Parts {
		p := &d.tx.Parts[i]
		size := roots[i].Weight()
		if d.opts.MaxObject > 0 && size > d.opts.MaxObject && size > d.Object(p.Object).Root.Weight() {
			return refusal(status.ResourceExhausted, reason.TooLarge, fmt.Sprintf("%q would take more than %d bytes", p.Object, d.opts.MaxObject))
		}
	}
	return nil
}

// invariants asks the rules about the state after the transaction.
func (d *decider) invariants(roots []tree.Node) (r *Refusal) {
	if d.opts.Invariant == nil && d.opts.Across == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			r = refusal(status.Internal, reason.Invariant, "an invariant panicked")
		}
	}()
	around, wrote := make([]Around, len(d.tx.Parts)), false
	for i := range d.tx.Parts {
		p := &d.tx.Parts[i]
		before := d.Object(p.Object)
		around[i] = Around{Object: p.Object, Before: before, After: before}
		if len(p.Writes) == 0 {
			continue
		}
		after := Object{Root: roots[i], Version: before.Version + 1}
		around[i].After, around[i].Wrote, wrote = &after, true, true
		if d.opts.Invariant == nil {
			continue
		}
		if err := d.opts.Invariant(p.Object, before, &after); err != nil {
			return broken(err)
		}
	}
	if d.opts.Across == nil || !wrote {
		return nil
	}
	if err := d.opts.Across(d.q, around); err != nil {
		return broken(err)
	}
	return nil
}

// broken tells the author which rule does not hold: an authored message and its details only.
func broken(err error) *Refusal {
	said := status.From(err)
	r := refusal(status.FailedPrecondition, reason.Invariant, said.Message)
	if r.Message == "" {
		r.Message = "a rule over the state after the transaction is broken"
	}
	if len(said.Details) == 0 {
		return r
	}
	// As they come out of the log, whatever types the rule used.
	if raw, err := codec.Marshal(said.Details); err == nil {
		_ = codec.Unmarshal(raw, &r.Details) // a map that was just made of one
	}
	return r
}
