package pmap

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// The map against Go's own, over random operations; older versions must stay as they were.
func TestAgainstBuiltin(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var m Map[int]
	model := map[string]int{}
	type past struct {
		m     Map[int]
		model map[string]int
	}
	var kept []past
	for step := range 20_000 {
		key := strconv.Itoa(rng.IntN(500))
		if rng.IntN(3) == 0 {
			m = m.Delete(key)
			delete(model, key)
		} else {
			m = m.Put(key, step)
			model[key] = step
		}
		if step%1000 == 0 {
			kept = append(kept, past{m, maps.Clone(model)})
		}
		if step%100 == 0 {
			checkBalance(t, m.root)
		}
	}
	kept = append(kept, past{m, model})
	for _, p := range kept {
		compare(t, p.m, p.model)
	}
}

func TestAscendingAndDescendingKeysStayBalanced(t *testing.T) {
	var up, down Map[int]
	for i := range 10_000 {
		up = up.Put(strconv.Itoa(1_000_000+i), i)
		down = down.Put(strconv.Itoa(1_000_000-i), i)
	}
	for i := range 5_000 {
		up = up.Delete(strconv.Itoa(1_000_000 + i))
	}
	checkBalance(t, up.root)
	checkBalance(t, down.root)
	if up.Len() != 5_000 || down.Len() != 10_000 {
		t.Fatalf("lengths %d, %d", up.Len(), down.Len())
	}
}

func TestSame(t *testing.T) {
	m := Map[int]{}.Put("a", 1)
	if !m.Delete("b").Same(m) {
		t.Error("deleting an absent key made another map")
	}
	if m.Put("a", 1).Same(m) {
		t.Error("a put map is said to be the same")
	}
}

func compare(t *testing.T, m Map[int], model map[string]int) {
	t.Helper()
	var keys []string
	for k, v := range m.All() {
		keys = append(keys, k)
		if model[k] != *v {
			t.Fatalf("key %s is %d, want %d", k, *v, model[k])
		}
	}
	if want := slices.Sorted(maps.Keys(model)); !slices.Equal(keys, want) {
		t.Fatalf("keys %v, want %v", keys, want)
	}
	if m.Len() != len(model) {
		t.Fatalf("Len %d, want %d", m.Len(), len(model))
	}
	for k := range m.All() {
		if k >= "2" {
			return // stopping early must not panic
		}
	}
}

func checkBalance(t *testing.T, e *entry[int]) {
	t.Helper()
	if e == nil {
		return
	}
	l, r := e.left.count()+1, e.right.count()+1
	if l > delta*r || r > delta*l || e.size != l+r-1 {
		t.Fatalf("at %s: weights %d and %d, size %d", e.key, l, r, e.size)
	}
	checkBalance(t, e.left)
	checkBalance(t, e.right)
}
