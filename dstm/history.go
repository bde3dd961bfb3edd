package dstm

import (
	"context"
	"iter"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/transport"
)

// Revision is one commit of an object, as its history tells it. All of it is read-only.
type Revision struct {
	// Version is what the commit made of the object, at Position of the log.
	Version  uint64
	Position Position
	// Time is the server's, never decreasing in a log; for display.
	Time time.Time
	// Client made the commit, for User, "" if it had no name. The zero Client: one of which this client may not know.
	Client transport.ID
	User   string
	// Metadata is what the transaction carried; see [Metadata].
	Metadata map[string]string
	// Changes are the differences to the version before, of what may be read. On a client, of an object that at first was too large to be sent
	// in one frame, they are what was written, without Old, and New is nil where a write only said how to change what was there.
	Changes []Change
}

// past is a commit as an origin knows it.
type past struct {
	Revision
	before, after *tree.Node // nil if not known
	writes        []txn.Write
	origin        Origin
}

// History implements Object.
func (o *object) History(ctx context.Context, from, to uint64) iter.Seq2[Revision, error] {
	return func(yield func(Revision, error) bool) {
		for p, err := range o.origin.revisions(ctx, from, to) {
			if err != nil {
				yield(Revision{}, err)
				return
			}
			p.Changes = p.changes()
			if !yield(p.Revision, nil) {
				return
			}
		}
	}
}

// ViewAt implements Object.
func (o *object) ViewAt(ctx context.Context, version uint64, fn func(tx *Tx) error) error {
	v, err := o.origin.at(ctx, version)
	if err != nil {
		return err
	}
	t := newTransaction([]*view{v}, true)
	t.home = o.origin.home()
	return t.run(fn)
}

func (p *past) changes() []Change {
	var changes []Change
	if p.before == nil {
		for i := range p.writes {
			w := &p.writes[i]
			c := Change{Path: w.Target(), Moved: w.Op == txn.OpMove, Version: p.Version, Origin: p.origin}
			if w.Op == txn.OpSet || w.Op == txn.OpInsert {
				c.New = w.Value
			}
			changes = append(changes, c)
		}
		return changes
	}
	differences(nil, p.before, p.after, writtenPaths(p.writes), func(s step) bool {
		s.version, s.origin = p.Version, p.origin
		changes = append(changes, s.change())
		return true
	})
	return changes
}

// writtenPaths are where writes may have changed something: of those that place elements in a list the list's.
func writtenPaths(writes []txn.Write) []Path {
	paths := make([]Path, len(writes))
	for i := range writes {
		paths[i] = writes[i].Path
	}
	return paths
}

// decodeMetadata is the reverse of encodeMetadata; what is no map of strings is left out.
func decodeMetadata(raw codec.Raw) map[string]string {
	if raw == nil {
		return nil
	}
	var out map[string]string
	if codec.Unmarshal(raw, &out) != nil {
		return nil
	}
	return out
}
