package pubsub

// matcher finds the values whose filter matches a topic: a trie by segments,
// one for each namespace. Not safe for concurrent use.
type matcher[V any] struct {
	roots map[string]*node[V]
}

type node[V any] struct {
	parent   *node[V]
	key      string
	children map[string]*node[V] // wildcard segments stand under their own name
	entries  []*entry[V]
}

// entry is one value in the trie; it knows its place, so that thousands of
// subscribers of one topic leave in constant time each.
type entry[V any] struct {
	value V
	node  *node[V]
	index int
}

// add puts value under a valid filter.
func (m *matcher[V]) add(filter string, value V) *entry[V] {
	ns, rest := cutNamespace(filter)
	if m.roots == nil {
		m.roots = make(map[string]*node[V])
	}
	n := m.roots[ns]
	if n == nil {
		n = &node[V]{key: ns}
		m.roots[ns] = n
	}
	for last := false; !last; {
		var segment string
		segment, rest, last = cutSegment(rest)
		child := n.children[segment]
		if child == nil {
			child = &node[V]{parent: n, key: segment}
			if n.children == nil {
				n.children = make(map[string]*node[V])
			}
			n.children[segment] = child
		}
		n = child
	}
	e := &entry[V]{value: value, node: n, index: len(n.entries)}
	n.entries = append(n.entries, e)
	return e
}

// remove takes e out and prunes what became empty. Removing twice is harmless.
func (m *matcher[V]) remove(e *entry[V]) {
	n := e.node
	if n == nil {
		return
	}
	e.node = nil
	last := len(n.entries) - 1
	n.entries[e.index] = n.entries[last]
	n.entries[e.index].index = e.index
	n.entries[last] = nil
	n.entries = n.entries[:last]
	for len(n.entries) == 0 && len(n.children) == 0 {
		if n.parent == nil {
			delete(m.roots, n.key)
			return
		}
		delete(n.parent.children, n.key)
		n = n.parent
	}
}

// collect appends to out the values whose filter matches topic. A value that
// was added under several filters comes once for each that matches.
func (m *matcher[V]) collect(topic string, out []V) []V {
	ns, rest := cutNamespace(topic)
	if root := m.roots[ns]; root != nil {
		out = root.collect(rest, out)
	}
	return out
}

// collect recurses once for each segment of the topic, at most 128 deep.
func (n *node[V]) collect(topic string, out []V) []V {
	segment, rest, last := cutSegment(topic)
	if child := n.children[anyRest]; child != nil {
		out = child.values(out)
	}
	for _, key := range [2]string{segment, anySegment} {
		child := n.children[key]
		switch {
		case child == nil:
		case last:
			out = child.values(out)
		default:
			out = child.collect(rest, out)
		}
	}
	return out
}

func (n *node[V]) values(out []V) []V {
	for _, e := range n.entries {
		out = append(out, e.value)
	}
	return out
}
