package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// snapshot is a state as the server sends it; root is nil if the resume point was accepted.
type snapshot struct {
	epoch             string
	version, position uint64
	hash              [8]byte
	root              *tree.Node
	pieces            bool // root is only the beginning
	ahead             bool // a reset because a transaction has seen more than the log holds
	Terms
}

// readSnapshot reads what opened and reset have in common, from the epoch on.
func readSnapshot(r *codec.Reader, reset bool) (*snapshot, error) {
	s, err := readPoint(r)
	if err != nil {
		return nil, err
	}
	if err := s.readRoot(r, reset); err != nil {
		return nil, err
	}
	if s.Terms, s.pieces, err = readTerms(r); err != nil {
		return nil, err
	}
	if s.pieces && s.root == nil {
		return nil, malformed("pieces without a beginning")
	}
	return s, nil
}

// readPoint reads epoch, version, position and hash.
func readPoint(r *codec.Reader) (*snapshot, error) {
	s := &snapshot{epoch: r.String(), version: counter(r), position: counter(r)}
	hash := r.Bytes()
	if r.Err() != nil {
		return nil, r.Err()
	}
	if len(s.epoch) < 1 || len(s.epoch) > txn.MaxEpoch || len(hash) != len(s.hash) || s.version > maxCounter || s.position > maxCounter {
		return nil, malformed("a state has no valid epoch, version, position or hash")
	}
	copy(s.hash[:], hash)
	return s, nil
}

// readRoot reads a value, nil for none, and its shape. The reason of a reset stands between them.
func (s *snapshot) readRoot(r *codec.Reader, reset bool) error {
	var value, shape codec.Raw
	if r.Len() > 0 && !r.Nil() {
		if r.Kind() != codec.Map {
			return malformed("a snapshot is no map")
		}
		value = r.Raw()
	}
	if reset && r.Len() > 0 {
		if r.Kind() == codec.String {
			s.ahead = r.String() == "ahead"
		} else {
			r.Skip()
		}
	}
	if r.Len() > 0 && !r.Nil() {
		shape = r.Raw()
	}
	if r.Err() != nil || value == nil {
		return r.Err()
	}
	value, shape, err := txn.CheckShaped(value, shape, 0)
	if err != nil {
		return malformed(err.Error())
	}
	root, err := tree.New(value, shape, s.version, 0)
	if err != nil {
		return malformed(err.Error())
	}
	s.root = &root
	return nil
}

// install replaces what an object holds.
func (c *Core) install(o *object, s *snapshot) {
	same := o.root != nil && o.epoch == s.epoch
	c.change(o, Reset, nil)
	if o.root != nil {
		c.emit(Event{Kind: Moved, Log: o.log.name, Position: s.position, Object: o.name})
	}
	root := s.root
	if same {
		root = tree.Graft(o.root, root, s.version)
	}
	first := o.root == nil
	o.root, o.epoch, o.version, o.position, o.hash, o.mistaken = root, s.epoch, s.version, s.position, s.hash, false
	o.trail = trail{whole: c.tracking}
	if first {
		c.overlay(o, false)
	}
	for _, l := range slices.Clone(o.layers) {
		switch {
		case l.reached > 0 && (!same || l.reached <= s.version):
			c.remove(l)
		case l.reached == 0 && (!same || l.tx.sent):
			// The state may hold the writes already, and nothing says so: showing them above it could show an
			// addition twice. The change or the answer will tell (docs/decisions/0005-client-replica.md).
			c.hide(l.tx)
		}
	}
	// What was made in another epoch and never sent can only be refused.
	c.refuseUnsent(o.log, func(p *pending) bool {
		part := p.part(o.name)
		return part != nil && part.Epoch != s.epoch
	}, status.New(status.Aborted, reason.Conflict, "the object began a new epoch"))
}
