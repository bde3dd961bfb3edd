package engine

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

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
		for j := range p.Reads {
			if !skip && !conflicts.full() && !holds(root, p.Base, &p.Reads[j], &budget) {
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
			return nil, refusal(status.InvalidArgument, reasonInvalid, fmt.Sprintf("writing %q at %q: %v", w.part.Object, at, err))
		}
		roots[i] = w.root
	}
	if len(conflicts.list) > 0 {
		return nil, conflict(conflicts.list)
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

// holds reports whether what read observed at base is still so.
func holds(root *tree.Node, base uint64, read *txn.Read, budget *int) bool {
	n := root.Find(read.Path)
	switch read.Kind {
	case txn.ReadAbsent:
		return n == nil
	case txn.ReadValue:
		return n != nil && n.Written <= base
	case txn.ReadKeys:
		return n != nil && n.IsMap() && n.Written <= base && n.Keys <= base
	case txn.ReadSubtree:
		return n != nil && n.Changed() <= base
	case txn.ReadHash:
		sum, err := n.HashWithin(budget)
		return err == nil && bytes.Equal(sum, read.Hash)
	case txn.ReadKeysHash:
		sum, err := n.KeysHashWithin(budget)
		return err == nil && bytes.Equal(sum, read.Hash)
	}
	return false
}

// writer applies the writes of one part.
type writer struct {
	part    *txn.Part
	root    tree.Node
	version uint64   // that the writes make
	made    []uint64 // versions that transactions named in after made
	skip    bool
}

func (d *decider) writer(p *txn.Part, skip bool) *writer {
	o := d.Object(p.Object)
	w := &writer{part: p, root: o.Root, version: o.Version + 1, skip: skip}
	for _, sequence := range d.tx.After {
		c := d.made(sequence)
		if c == nil {
			continue
		}
		for _, m := range c.Parts {
			if m.Object == p.Object {
				w.made = append(w.made, m.Version)
			}
		}
	}
	return w
}

// errStale says that a write meets what the transaction has not seen.
var errStale = errors.New("changed meanwhile")

// run applies all writes. On an error it returns the path at which it stopped: errStale
// is a conflict, any other makes the transaction invalid.
func (w *writer) run() (tree.Path, error) {
	for i := range w.part.Writes {
		write := &w.part.Writes[i]
		if at, err := w.way(write); err != nil {
			return at, err
		}
		root, _, err := txn.Apply(w.root, w.part.Writes[i:i+1], w.version)
		switch {
		case errors.Is(err, tree.ErrNotNumber), errors.Is(err, tree.ErrBounds), errors.Is(err, tree.ErrRange):
			return write.Path, errStale
		case err != nil:
			return write.Path, err
		}
		w.root = root
	}
	return nil, nil
}

// way checks the nodes that lead to a write: maps that the transaction has seen. The root is always the same map.
func (w *writer) way(write *txn.Write) (tree.Path, error) {
	n := &w.root
	for i, key := range write.Path {
		if i > 0 && !w.seen(n.Written) {
			return write.Path[:i], errStale
		}
		if !n.IsMap() {
			if write.Op == txn.OpDelete {
				return nil, nil // nothing is there
			}
			return write.Path[:i], tree.ErrLeaf
		}
		if n = n.Kids.Get(key); n == nil {
			return nil, nil
		}
	}
	return nil, nil
}

// seen reports whether the transaction knows what version wrote: it had seen it, made it itself, or presumes it.
func (w *writer) seen(version uint64) bool {
	return w.skip || version <= w.part.Base || version == w.version || slices.Contains(w.made, version)
}

// invariants asks the rules about the state after the transaction.
func (d *decider) invariants(roots []tree.Node) (r *Refusal) {
	if d.opts.Invariant == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			r = refusal(status.Internal, reasonInvariant, "an invariant panicked")
		}
	}()
	for i := range d.tx.Parts {
		p := &d.tx.Parts[i]
		if len(p.Writes) == 0 {
			continue
		}
		before := d.Object(p.Object)
		after := Object{Root: roots[i], Version: before.Version + 1}
		if err := d.opts.Invariant(p.Object, before, &after); err != nil {
			return refusal(status.FailedPrecondition, reasonInvariant, invariantMessage(err))
		}
	}
	return nil
}

// invariantMessage is what the client is told: an authored message only.
func invariantMessage(err error) string {
	if message := status.From(err).Message; message != "" {
		return message
	}
	return "a rule over the state after the transaction is broken"
}
