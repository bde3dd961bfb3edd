package dstm

import (
	"context"
	"errors"
	"iter"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// at implements origin.
func (h *clientObject) at(ctx context.Context, version uint64) (*view, error) {
	now, err := h.view()
	if err != nil {
		return nil, err
	}
	e, err := h.client.stateAt(ctx, h.name, version)
	if err != nil {
		return nil, err
	}
	return &view{
		log: now.log, object: h.name, epoch: e.Epoch, base: e.Version, position: Position(e.Position),
		root: e.After, readable: now.readable,
	}, nil
}

// revisions implements origin. The server tells what each wrote; what stood there before follows from the state at from,
// unless that is too large for a frame.
func (h *clientObject) revisions(ctx context.Context, from, to uint64) iter.Seq2[*past, error] {
	return func(yield func(*past, error) bool) {
		v, err := h.at(ctx, from)
		known := !errors.Is(err, ErrTooLarge)
		if err != nil && known {
			yield(nil, err)
			return
		}
		var root tree.Node
		if known {
			root = *v.root
		}
		own := h.client.id()
		for r, err := range h.client.revisions(ctx, h.name, from, to) {
			if err != nil {
				yield(nil, err)
				return
			}
			p := past{writes: r.Writes}
			if known {
				next, _, err := txn.Apply(root, r.Writes, r.Version)
				if err != nil {
					yield(nil, errUnlikely(h.name, r.Version, err))
					return
				}
				p.before, p.after = copyOf(root), copyOf(next)
				root = next
			}
			p.Revision = Revision{
				Version: r.Version, Position: Position(r.Position), Time: r.Time,
				Client: transport.ID(r.Client), User: r.User, Metadata: decodeMetadata(r.Metadata),
			}
			if p.Client == own {
				p.origin = Mine
			}
			if !yield(&p, nil) {
				return
			}
		}
	}
}

// id is the client's id, zero while there is no connection.
func (c *Client) id() (id transport.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		id = c.session.Client()
	}
	return id
}

func copyOf(n tree.Node) *tree.Node { return &n }

// errUnlikely says that the server's history does not fit itself.
func errUnlikely(object string, version uint64, err error) error {
	return status.New(status.DataLoss, ErrHistory, "version %d of %q does not follow on the one before", version, object).Because(err)
}
