package replica

import (
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/status"
)

// snapshot is a whole state; root is nil if the resume point was accepted.
type snapshot struct {
	epoch             string
	version, position uint64
	hash              [8]byte
	root              *tree.Node
}

// install replaces what an object holds.
func (c *Core) install(o *object, s *snapshot) {
	same := o.root != nil && o.epoch == s.epoch
	c.change(o, Reset, nil)
	root := s.root
	if same {
		root = graft(o.root, root, s.version)
	}
	o.root, o.epoch, o.version, o.position, o.hash, o.mistaken = root, s.epoch, s.version, s.position, s.hash, false
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
	}, status.New(status.Aborted, reasonConflict, "the object began a new epoch"))
}

// graft returns fresh, a later state of the same object without versions, with all
// nodes of old whose value is still the same. What differs gets version. So predictions can
// be judged across a snapshot, and the difference costs what changed.
func graft(old, fresh *tree.Node, version uint64) *tree.Node {
	if !old.IsMap() || !fresh.IsMap() {
		if !old.IsMap() && !fresh.IsMap() && string(old.Leaf) == string(fresh.Leaf) {
			return old
		}
		return fresh
	}
	out := tree.Node{Kids: old.Kids, Written: old.Written, Keys: old.Keys, Below: old.Below}
	for key := range old.Kids.All() {
		if fresh.Kids.Get(key) == nil {
			out.Kids = out.Kids.Delete(key)
			out.Keys = version
		}
	}
	for key, kid := range fresh.Kids.All() {
		was := old.Kids.Get(key)
		if was == nil {
			out.Kids = out.Kids.Put(key, *kid)
			out.Keys = version
		} else if merged := graft(was, kid, version); merged != was {
			out.Kids = out.Kids.Put(key, *merged)
		}
	}
	if out.Kids.Same(old.Kids) {
		return old
	}
	out.Below = version
	return &out
}
