package cycles

import "slices"

// edge kinds, as bits so that one edge may have several.
type edges uint8

const (
	ww edges = 1 << iota
	wr
	rw
	realtime
)

// graph has the transactions of a history as nodes, and behind them nodes that only stand for moments in time.
type graph struct {
	out []map[int]edges
}

func (g *graph) add(from, to int, kind edges) {
	if from == to {
		return
	}
	if g.out[from] == nil {
		g.out[from] = map[int]edges{}
	}
	g.out[from][to] |= kind
}

// depend makes the graph of dependencies. A transaction whose outcome is unknown, and of which nothing was read, may not have
// happened: what depends on it proves nothing, but its own reads say what they say only if it did.
func (c *checker) depend() {
	c.graph.out = make([]map[int]edges, len(c.history))
	happened := make([]bool, len(c.history))
	for i, t := range c.history {
		happened[i] = t.Outcome == Committed
	}
	for key, list := range c.lists {
		for n, value := range list {
			writer := c.writers[version{key, value}]
			happened[writer] = true
			if n > 0 {
				c.graph.add(c.writers[version{key, list[n-1]}], writer, ww)
			}
		}
	}
	for i, t := range c.history {
		if !happened[i] {
			continue
		}
		wrote := map[string]bool{}
		for _, op := range t.Ops {
			if op.Append {
				wrote[op.Key] = true
			} else if !wrote[op.Key] {
				c.dependOnRead(i, op)
			}
		}
	}
	c.inTime(happened)
}

func (c *checker) dependOnRead(i int, op Op) {
	if n := len(op.List); n > 0 {
		c.graph.add(c.writers[version{op.Key, op.List[n-1]}], i, wr)
	}
	if all := c.lists[op.Key]; len(op.List) < len(all) {
		c.graph.add(i, c.writers[version{op.Key, all[len(op.List)]}], rw)
	}
}

// inTime adds the order in time. Each end is a node of its own, in a chain, so that there are few edges: a transaction leads to its
// end, the last end before a transaction began leads to it.
func (c *checker) inTime(happened []bool) {
	type moment struct {
		at   int64
		node int
	}
	var ends []moment
	for i, t := range c.history {
		if happened[i] && t.Outcome == Committed && t.End > 0 {
			ends = append(ends, moment{t.End, i})
		}
	}
	slices.SortFunc(ends, func(a, b moment) int { return int(a.at - b.at) })
	first := len(c.graph.out)
	c.graph.out = append(c.graph.out, make([]map[int]edges, len(ends))...)
	for n, end := range ends {
		c.graph.add(end.node, first+n, realtime)
		if n > 0 {
			c.graph.add(first+n-1, first+n, realtime)
		}
	}
	for i, t := range c.history {
		if !happened[i] || t.Begin == 0 {
			continue
		}
		n, _ := slices.BinarySearchFunc(ends, t.Begin, func(m moment, at int64) int { return int(m.at - at) })
		if n > 0 { // ends[n-1] was before it began
			c.graph.add(first+n-1, i, realtime)
		}
	}
}
