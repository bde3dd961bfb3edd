package simtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/transport"
)

// hand is an object of which some clients may read only a part.
const hand = "hand/h"

// hidden is in every key and every value that not everybody may see, and in nothing else: ids of elements hold no such character.
const hidden = "hidden~"

// shown are the paths that everybody may read who may not read everything; all of the second is replaced and deleted from above.
var (
	count = tree.Path{"open", "count"}
	face  = tree.Path{"all", "face"}
	notes = tree.Path{"open"}
)

// readable are the paths of the hand that a client may read, nil if that is all of it.
func (c *client) readable() []tree.Path {
	switch c.number % 3 {
	case 1:
		return []tree.Path{notes, face}
	case 2:
		return []tree.Path{count, face}
	}
	return nil
}

// read is the rule for the hand.
func (s *simulation) read(_ context.Context, a *dstm.Access) ([]dstm.Path, error) {
	for _, c := range s.clients {
		if paths := c.readable(); c.id == a.Client && paths != nil {
			return paths, nil
		}
	}
	return []dstm.Path{{}}, nil
}

// deal changes the hand: by who sees everything what is hidden too, by others what they see, and what they may write unseen.
func (o *operation) deal() error {
	t := o.txs[0]
	switch {
	case o.u.readable == nil && o.pick(2) == 0:
		o.hide(t)
	case o.pick(4) == 0:
		t.Add(1, nil, nil, count...)
	case o.pick(3) == 0:
		t.Overwrite(hidden+o.tag, "drop", fmt.Sprint(o.pick(3)))
	case o.pick(2) == 0 && t.Exists(face...):
		t.Set(t.number(face...)+1, face...)
	case o.pick(2) == 0 && len(o.u.readable) > 0 && slices.Equal(o.u.readable[0], notes):
		t.Keys(notes...)
		t.Overwrite(strings.Repeat("note ", o.pick(100)), "open", fmt.Sprint("n", o.pick(4)))
	default:
		t.Set(t.number(count...)+1, count...)
	}
	return nil
}

// hide changes what not everybody sees, and what they see of it.
func (o *operation) hide(t *tx) {
	secret, key := hidden+o.tag, fmt.Sprint(hidden, o.pick(4))
	switch o.pick(6) {
	case 0:
		t.Overwrite(map[string]any{"face": o.pick(9), key: secret}, "all")
	case 1:
		t.Delete("all")
	case 2:
		t.Insert(dstm.First(), secret, "all", hidden+"list")
	case 3:
		t.Overwrite(map[string]any{"count": t.number(count...)}, "open")
	case 4:
		t.Delete("drop")
	default:
		t.Overwrite(secret, "secret", key)
	}
}

// pastDeal looks at what everybody may read of the hand as it was.
func (o *operation) pastDeal() {
	path := face
	if o.s.k.chance(2) {
		path = count
	}
	o.pastAt(path)
}

// shown looks at a frame of a node for a client that may not read all of the hand.
func (s *simulation) shown(l *conn, f *transport.Frame, data []byte) {
	readable := l.client.readable()
	if readable == nil {
		return
	}
	if at := bytes.Index(data, []byte(hidden)); at >= 0 {
		s.k.fail("%s sends client %d what it may not see: %s with %q", l.node.name, l.client.number, frameNames[f.Kind], data[at:min(len(data), at+20)])
	}
	if f.Kind != frameRejected {
		return
	}
	body := f.Body
	body.Skip()
	body.Skip()
	for all := body.Array(); all.Len() > 0; {
		conflict := all.Array()
		conflict.Skip()
		path, err := txn.ReadPath(&conflict)
		if err == nil && len(path) > 0 && slices.Contains([]string{"all", "secret", "open"}, path[0]) && !slices.ContainsFunc(readable, path.Starts) {
			s.k.fail("%s tells client %d of a conflict at %s, which it may not read", l.node.name, l.client.number, path)
		}
	}
}

// visible compares what a client sees of an object with what there is.
func (s *simulation) visible(tx *dstm.Tx, c *client, name string, value codec.Raw) error {
	paths := c.readable()
	if name != hand || paths == nil {
		if have := tx.Read(); !bytes.Equal(have, value) {
			return fmt.Errorf("ends with %x, the log with %x", have, value)
		}
		return tx.Err()
	}
	root, err := tree.New(value, nil, 0, 0)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if have, is := tx.Read(path...), root.Find(path).Value(); !bytes.Equal(have, is) {
			return fmt.Errorf("ends with %x at %s, the log with %x", have, path, is)
		}
	}
	return tx.Err()
}
