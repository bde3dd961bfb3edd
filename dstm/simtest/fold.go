package simtest

import (
	"bytes"
	"context"
	"errors"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// maps is where objects hold what is no list.
const inMaps = "m"

// watch is a part of an object.
type watch struct {
	name string
	path tree.Path
}

// watched is what a client watches: of each object what it holds in maps, and what everybody sees of the hand.
func (c *client) watched() []watch {
	var out []watch
	for _, name := range c.s.objects {
		out = append(out, watch{name, tree.Path{inMaps}})
	}
	if !c.s.hand {
		return out
	}
	return append(out, watch{hand, face}, watch{hand, count})
}

// fold is what an object holds at a path, put together from what Changes tells. Each change must begin where the ones before it
// ended.
type fold struct {
	watch
	object dstm.Object
	root   tree.Node
}

// follow keeps a fold up to date until the server takes the object away.
func (c *client) follow(i int, w watch) {
	name, leaves := w.name, c.leaves[w.name]
	f := &fold{watch: w, object: c.open(name)}
	if err := f.object.View(func(tx *dstm.Tx) error { return f.set(f.path, tx.Read(f.path...)) }); err != nil {
		return
	}
	c.folds[i] = f
	for change, err := range f.object.Changes(context.Background(), f.path...) {
		if err != nil {
			if !errors.Is(err, dstm.ErrClosed) {
				c.s.k.fail("client %d: changes of %s: %v", c.number, name, err)
			}
			if c.leaves[name] == leaves {
				c.s.count.add("objects taken away")
			}
			return
		}
		if have := f.root.Find(change.Path).Value(); !bytes.Equal(have, change.Old) {
			c.s.k.fail("client %d: a change of %s at %q, version %d, begins at %x where there was %x", c.number, name, change.Path, change.Version, change.Old, have)
			return
		}
		if err := f.set(change.Path, change.New); err != nil {
			c.s.k.fail("client %d: a change of %s at %q: %v", c.number, name, change.Path, err)
			return
		}
	}
}

func (f *fold) set(path tree.Path, value codec.Raw) (err error) {
	if value == nil {
		f.root, err = f.root.Delete(path, 1)
	} else {
		f.root, err = f.root.Set(path, value, nil, 1)
	}
	return err
}
