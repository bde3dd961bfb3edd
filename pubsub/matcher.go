package pubsub

// matcher finds the values whose filter matches a topic: a trie by segments,
// one for each namespace. Not safe for concurrent use.
type matcher[V any] struct {
	roots map[string]*node[V]
	last  lastMatch[V]
}

// lastMatch is what recall has found: most publications are on the topic of the one before.
type lastMatch[V any] struct {
	valid bool
	topic string
	found []V
}

type node[V any] struct {
	parent   *node[V]
	key      string
	children map[string]*node[V]
	any      *node[V] // under "*"
	rest     *node[V] // under ">"
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
	m.forget()
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
		child := n.child(segment)
		if child == nil {
			child = &node[V]{parent: n, key: segment}
			n.put(segment, child)
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
	m.forget()
	e.node = nil
	last := len(n.entries) - 1
	n.entries[e.index] = n.entries[last]
	n.entries[e.index].index = e.index
	n.entries[last] = nil
	n.entries = n.entries[:last]
	for len(n.entries) == 0 && len(n.children) == 0 && n.any == nil && n.rest == nil {
		if n.parent == nil {
			delete(m.roots, n.key)
			return
		}
		n.parent.put(n.key, nil)
		n = n.parent
	}
}

func (n *node[V]) child(segment string) *node[V] {
	switch segment {
	case anySegment:
		return n.any
	case anyRest:
		return n.rest
	}
	return n.children[segment]
}

// put sets the child under segment; nil takes it away.
func (n *node[V]) put(segment string, child *node[V]) {
	switch {
	case segment == anySegment:
		n.any = child
	case segment == anyRest:
		n.rest = child
	case child == nil:
		delete(n.children, segment)
	default:
		if n.children == nil {
			n.children = make(map[string]*node[V])
		}
		n.children[segment] = child
	}
}

// recall is what collect finds. It is valid until the next call of add, remove or recall.
func (m *matcher[V]) recall(topic string) []V {
	l := &m.last
	if !l.valid || l.topic != topic {
		m.forget()
		l.found = m.collect(topic, l.found)
		l.topic, l.valid = topic, true
	}
	return l.found
}

// text is topic as a string, without an allocation if it is that of the last recall.
func (m *matcher[V]) text(topic []byte) string {
	if m.last.topic == string(topic) {
		return m.last.topic
	}
	return string(topic)
}

func (m *matcher[V]) forget() {
	clear(m.last.found)
	m.last.found, m.last.valid = m.last.found[:0], false
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
	if n.rest != nil {
		out = n.rest.values(out)
	}
	for _, child := range [2]*node[V]{n.children[segment], n.any} {
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
