package cycles

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// searches go from what allows the least to what allows the most; the first that finds a cycle names it.
var searches = []struct {
	kind Kind
	most edges // that the cycle may have
	once edges // of which it has exactly one
	some edges // of which it has at least one
}{
	{G0, ww, 0, 0},
	{G1c, ww | wr, 0, wr},
	{GSingle, ww | wr, rw, 0},
	{G2, ww | wr | rw, 0, rw},
	{G0.Realtime(), ww | realtime, 0, realtime},
	{G1c.Realtime(), ww | wr | realtime, 0, wr},
	{GSingle.Realtime(), ww | wr | realtime, rw, 0},
	{G2.Realtime(), ww | wr | rw | realtime, 0, rw},
}

// cycles finds the worst cycle of each component.
func (c *checker) cycles() {
	for _, component := range c.graph.components() {
		within := map[int]bool{}
		for _, n := range component {
			within[n] = true
		}
		for _, s := range searches {
			if cycle := c.find(component, within, s.most, s.once, s.some); cycle != nil {
				c.report(s.kind, c.transactions(cycle), "%s", c.path(cycle, s.most|s.once))
				break
			}
		}
	}
}

// find returns the nodes of a cycle, nil if there is none.
func (c *checker) find(component []int, within map[int]bool, most, once, some edges) []int {
	begin := once | some
	for _, from := range component {
		for _, to := range c.sorted(from) {
			kind := c.graph.out[from][to]
			if !within[to] || kind&(most|once) == 0 || begin != 0 && kind&begin == 0 {
				continue
			}
			if back := c.way(to, from, within, most); back != nil {
				return back
			}
		}
	}
	return nil
}

func (c *checker) sorted(from int) []int { return slices.Sorted(maps.Keys(c.graph.out[from])) }

// way is the shortest way between two nodes, both included.
func (c *checker) way(from, to int, within map[int]bool, most edges) []int {
	before := map[int]int{from: -1}
	queue := []int{from}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if at == to {
			var way []int
			for n := to; n >= 0; n = before[n] {
				way = append(way, n)
			}
			slices.Reverse(way)
			return way
		}
		for _, next := range c.sorted(at) {
			if _, known := before[next]; !known && within[next] && c.graph.out[at][next]&most != 0 {
				before[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// transactions are the nodes of a cycle that are no moments.
func (c *checker) transactions(cycle []int) []int {
	return slices.DeleteFunc(slices.Clone(cycle), func(n int) bool { return n >= len(c.history) })
}

// path is a cycle in words.
func (c *checker) path(cycle []int, kinds edges) string {
	var b strings.Builder
	for i, n := range cycle {
		if n < len(c.history) {
			fmt.Fprintf(&b, "%d ", n)
		}
		next := cycle[(i+1)%len(cycle)]
		if next < len(c.history) {
			fmt.Fprintf(&b, "-%s-> ", c.graph.out[n][next]&kinds)
		}
	}
	if cycle[0] < len(c.history) {
		fmt.Fprint(&b, cycle[0])
	}
	return b.String()
}

func (e edges) String() string {
	var names []string
	for i, name := range []string{"ww", "wr", "rw", "time"} {
		if e&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}

// components are the strongly connected ones of more than one node (R. Tarjan, "Depth-first search and linear graph
// algorithms", SIAM J. Computing 1(2), 1972), without recursion, since histories are long.
func (g *graph) components() (out [][]int) {
	n := len(g.out)
	index, low := make([]int, n), make([]int, n)
	onStack := make([]bool, n)
	var stack []int
	count := 0
	type frame struct {
		node int
		next []int
	}
	for root := range n {
		if index[root] != 0 {
			continue
		}
		var calls []frame
		enter := func(node int) {
			count++
			index[node], low[node] = count, count
			stack, onStack[node] = append(stack, node), true
			calls = append(calls, frame{node, slices.Sorted(maps.Keys(g.out[node]))})
		}
		enter(root)
		for len(calls) > 0 {
			f := &calls[len(calls)-1]
			if len(f.next) > 0 {
				to := f.next[0]
				f.next = f.next[1:]
				if index[to] == 0 {
					enter(to)
				} else if onStack[to] {
					low[f.node] = min(low[f.node], index[to])
				}
				continue
			}
			node := f.node
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				up := calls[len(calls)-1].node
				low[up] = min(low[up], low[node])
			}
			if low[node] != index[node] {
				continue
			}
			at := slices.Index(stack, node)
			component := slices.Clone(stack[at:])
			for _, member := range component {
				onStack[member] = false
			}
			stack = stack[:at]
			if len(component) > 1 {
				slices.Sort(component)
				out = append(out, component)
			}
		}
	}
	return out
}
