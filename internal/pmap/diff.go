package pmap

// Diff calls emit for the keys under which a and b may differ, ascending: with nil where there is none, and else with the two values, which
// are not one shared value but may be equal. It passes over what both share, so maps that are few changes apart
// cost little however large they are. It stops when emit returns false and reports whether it went to the end.
func Diff[V any](a, b Map[V], emit func(key string, old, fresh *V) bool) bool {
	x, y := walker[V]{}, walker[V]{}
	x.push(a.root)
	y.push(b.root)
	for {
		p, q := x.top(), y.top()
		switch {
		case p == nil && q == nil:
			return true
		case p != nil && q != nil && p.entry == q.entry && p.whole == q.whole:
			x.pop()
			y.pop()
		case p != nil && p.whole && (q == nil || !q.whole || p.entry.size >= q.entry.size):
			x.open()
		case q != nil && q.whole:
			y.open()
		case q == nil || p != nil && p.entry.key < q.entry.key:
			if x.pop(); !emit(p.entry.key, p.entry.value, nil) {
				return false
			}
		case p == nil || q.entry.key < p.entry.key:
			if y.pop(); !emit(q.entry.key, nil, q.entry.value) {
				return false
			}
		default:
			x.pop()
			y.pop()
			if !emit(p.entry.key, p.entry.value, q.entry.value) {
				return false
			}
		}
	}
}

// walker goes through a map in order, by whole subtrees as long as nobody opens them.
type walker[V any] struct{ stack []step[V] }

// step is a whole subtree, or its middle entry alone.
type step[V any] struct {
	entry *entry[V]
	whole bool
}

func (w *walker[V]) push(e *entry[V]) {
	if e != nil {
		w.stack = append(w.stack, step[V]{e, true})
	}
}

// top is the next step, nil at the end.
func (w *walker[V]) top() *step[V] {
	if len(w.stack) == 0 {
		return nil
	}
	s := w.stack[len(w.stack)-1]
	return &s
}

func (w *walker[V]) pop() { w.stack = w.stack[:len(w.stack)-1] }

// open takes the next step, a subtree, apart.
func (w *walker[V]) open() {
	e := w.top().entry
	w.pop()
	w.push(e.right)
	w.stack = append(w.stack, step[V]{e, false})
	w.push(e.left)
}
