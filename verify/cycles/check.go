package cycles

import (
	"fmt"
	"maps"
	"slices"
)

// Check returns the anomalies of a history, nil if there are none. Of cycles it returns the worst of each
// strongly connected component.
func Check(history []Transaction) []Anomaly {
	c := &checker{history: history, writers: map[version]int{}, lists: map[string][]int{}}
	c.index()
	c.observe()
	if len(c.anomalies) > 0 {
		return c.anomalies // the order of versions would be guesswork
	}
	c.depend()
	c.cycles()
	return c.anomalies
}

// version is a list just behind one append.
type version struct {
	key   string
	value int
}

type checker struct {
	history   []Transaction
	writers   map[version]int  // who appended
	lists     map[string][]int // the longest that was read of each key
	graph     graph
	anomalies []Anomaly
}

func (c *checker) report(kind Kind, transactions []int, format string, args ...any) {
	c.anomalies = append(c.anomalies, Anomaly{kind, transactions, fmt.Sprintf(format, args...)})
}

// index notes who appended what.
func (c *checker) index() {
	for i, t := range c.history {
		for _, op := range t.Ops {
			if !op.Append {
				continue
			}
			v := version{op.Key, op.Value}
			if other, ok := c.writers[v]; ok {
				panic(fmt.Sprintf("cycles: transactions %d and %d both append %d to %q: the history cannot be judged", other, i, op.Value, op.Key))
			}
			c.writers[v] = i
		}
	}
}

// observe judges every read by itself, and finds the order of each list.
func (c *checker) observe() {
	for i, t := range c.history {
		if t.Outcome == Aborted {
			continue
		}
		own := map[string][]int{} // appended since the transaction began, by key
		base := map[string][]int{}
		for _, op := range t.Ops {
			if op.Append {
				own[op.Key] = append(own[op.Key], op.Value)
				continue
			}
			mine := own[op.Key]
			n := len(op.List) - len(mine)
			if n < 0 || !slices.Equal(op.List[n:], mine) {
				c.report(Internal, []int{i}, "it appended %v to %q and then read %v", mine, op.Key, op.List)
				continue
			}
			seen := op.List[:n]
			if before, ok := base[op.Key]; ok && !slices.Equal(before, seen) {
				c.report(Internal, []int{i}, "it read %v of others in %q and then %v", before, op.Key, seen)
			}
			base[op.Key] = seen
			c.seen(i, op.Key, seen)
		}
	}
}

// seen judges what transaction i read of others in a list.
func (c *checker) seen(i int, key string, list []int) {
	if n := len(list); n > 0 {
		value := list[n-1]
		if writer, ok := c.writers[version{key, value}]; ok && writer != i && c.last(writer, key) != value {
			c.report(Intermediate, []int{i, writer}, "the list %q that it read ends with %d, which is not the last that its writer appended", key, value)
		}
	}
	longest := c.lists[key]
	n := min(len(list), len(longest))
	if !slices.Equal(list[:n], longest[:n]) {
		c.report(Incompatible, []int{i}, "somebody read %v in %q, it reads %v", longest, key, list)
		return
	}
	if len(list) > n {
		c.values(i, key, list, n)
		c.lists[key] = list
	}
}

// values judges the values of a list from the one at index known on.
func (c *checker) values(i int, key string, list []int, known int) {
	for n, value := range list[known:] {
		writer, ok := c.writers[version{key, value}]
		switch {
		case slices.Contains(list[:known+n], value):
			c.report(Duplicate, []int{i}, "%d stands twice in %q, as %v", value, key, list)
		case !ok:
			c.report(Garbage, []int{i}, "it read %d in %q, which nobody appended", value, key)
		case c.history[writer].Outcome == Aborted:
			c.report(AbortedRead, []int{i, writer}, "it read %d in %q of one that did not commit", value, key)
		}
	}
}

// last is the last value that a transaction appended to a list.
func (c *checker) last(transaction int, key string) int {
	value := 0
	for _, op := range c.history[transaction].Ops {
		if op.Append && op.Key == key {
			value = op.Value
		}
	}
	return value
}

// Complete reports committed appends that are missing in lists read when everything had ended.
func Complete(history []Transaction, final map[string][]int) []Anomaly {
	c := &checker{history: history}
	for i, t := range history {
		for _, op := range t.Ops {
			if op.Append && t.Outcome == Committed && !slices.Contains(final[op.Key], op.Value) {
				c.report(Lost, []int{i}, "it appended %d to %q, which ends without it", op.Value, op.Key)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(final)) {
		sorted := slices.Sorted(slices.Values(final[key]))
		if len(slices.Compact(sorted)) != len(final[key]) {
			c.report(Duplicate, nil, "%q ends with a value twice: %v", key, final[key])
		}
	}
	return c.anomalies
}
