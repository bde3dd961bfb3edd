package tree

import (
	"errors"
	"maps"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/internal/pmap"
)

// ErrShape says that a shape does not fit the value that it stands beside.
var ErrShape = errors.New("the shape does not fit the value")

var errCanonical = errors.New("the value is not in canonical form")

// New makes a node of a canonical value and its shape, nil for one without lists, written by
// version, to hang depth keys below the root. It keeps no part of value and shape.
func New(value, shape codec.Raw, version uint64, depth int) (Node, error) {
	p := parser{version: version}
	if shape != nil {
		outer := codec.NewReader(shape, 1)
		p.shape = outer.Array()
		if outer.Err() != nil {
			return Node{}, ErrShape
		}
		if err := p.next(); err != nil {
			return Node{}, err
		}
	}
	r := codec.NewReader(value, 1)
	n, err := p.node(&r, nil, depth)
	if err != nil {
		return Node{}, err
	}
	if p.named { // a path that leads to no array, or out of order
		return Node{}, ErrShape
	}
	return n, nil
}

// Check returns the error that New would.
func Check(value, shape codec.Raw, depth int) error {
	r := codec.NewReader(value, 1)
	if shape == nil && depth <= MaxDepth && r.Kind() != codec.Map { // a leaf, of which New would make a copy
		r.Skip()
		return r.Err()
	}
	_, err := New(value, shape, 0, depth)
	return err
}

// parser walks a value and its shape side by side: the shape lists the lists in the order in which the walk meets them.
type parser struct {
	version uint64
	shape   codec.Reader // behind the list that comes next
	named   bool         // whether there is one
	path    Path         // of it
	ids     codec.Reader // of it
}

// next takes the next list from the shape.
func (p *parser) next() error {
	if p.named = p.shape.Len() > 0; !p.named {
		return nil
	}
	entry := p.shape.Array()
	if entry.Len() != 2 {
		return ErrShape
	}
	keys := entry.Array()
	if keys.Len() > MaxDepth {
		return ErrShape
	}
	p.path = p.path[:0]
	for keys.Len() > 0 {
		p.path = append(p.path, keys.String())
	}
	p.ids = entry.Array()
	if p.shape.Err() != nil || entry.Err() != nil || keys.Err() != nil {
		return ErrShape
	}
	return nil
}

// node reads the value at path, which is relative to where the walk began. It recurses no deeper than MaxDepth.
func (p *parser) node(r *codec.Reader, path Path, depth int) (Node, error) {
	if depth > MaxDepth {
		return Node{}, ErrDepth
	}
	switch kind := r.Kind(); {
	case kind == codec.Map:
		return p.table(r, path, depth)
	case kind == codec.List && p.named && slices.Equal(p.path, path):
		return p.list(r, path, depth)
	}
	value := r.Raw()
	if r.Err() != nil {
		return Node{}, r.Err()
	}
	leaf := make(codec.Raw, len(value)) // exact: leaves live long
	copy(leaf, value)
	return Node{Leaf: leaf, Written: p.version}, nil
}

func (p *parser) table(r *codec.Reader, path Path, depth int) (Node, error) {
	pairs := r.Map()
	keys, kids := make([]string, 0, pairs.Len()/2), make([]Node, 0, pairs.Len()/2)
	var inside sums
	for pairs.Len() > 0 {
		key := pairs.String()
		switch {
		case pairs.Err() != nil:
			return Node{}, pairs.Err()
		case !ValidKey(key):
			return Node{}, ErrKey
		case len(keys) > 0 && key <= keys[len(keys)-1]:
			return Node{}, errCanonical
		}
		kid, err := p.node(&pairs, append(path, key), depth+1)
		if err != nil {
			return Node{}, err
		}
		keys, kids = append(keys, key), append(kids, kid)
		inside.count(false, key, &kid, 1)
	}
	return Node{Kids: pmap.Sorted(keys, kids), Written: p.version, Keys: p.version, Below: p.version, sums: inside}, pairs.Err()
}

func (p *parser) list(r *codec.Reader, path Path, depth int) (Node, error) {
	names, elements := p.ids, r.Array()
	if names.Len() != elements.Len() {
		return Node{}, ErrShape
	}
	if err := p.next(); err != nil {
		return Node{}, err
	}
	ids, kids := make([]string, 0, elements.Len()), make(map[string]Node, elements.Len())
	inside := emptyList
	for elements.Len() > 0 {
		id := names.String()
		if _, twice := kids[id]; twice || names.Err() != nil {
			return Node{}, ErrShape
		}
		if !ValidKey(id) {
			return Node{}, ErrKey
		}
		kid, err := p.node(&elements, append(path, id), depth+1)
		if err != nil {
			return Node{}, err
		}
		ids, kids[id] = append(ids, id), kid
		inside.count(true, id, &kid, 1)
	}
	keys := slices.Sorted(maps.Keys(kids))
	sorted := make([]Node, len(keys))
	for i, key := range keys {
		sorted[i] = kids[key]
	}
	return Node{
		Kids: pmap.Sorted(keys, sorted), Written: p.version, Keys: p.version, Below: p.version,
		order: newOrder(ids, keys), sums: inside,
	}, elements.Err()
}
