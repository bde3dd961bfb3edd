package cycles

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func tx(ops ...Op) Transaction { return Transaction{Ops: ops} }

func timed(begin, end int64, ops ...Op) Transaction {
	return Transaction{Ops: ops, Begin: begin, End: end}
}

func with(o Outcome, t Transaction) Transaction {
	t.Outcome = o
	return t
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name    string
		want    []Kind
		history []Transaction
	}{
		{"nothing", nil, nil},
		{"one after the other", nil, []Transaction{tx(Append("x", 1)), tx(Read("x", 1), Append("x", 2)), tx(Read("x", 1, 2))}},
		{"an own append is seen", nil, []Transaction{tx(Append("x", 1), Read("x", 1), Append("x", 2), Read("x", 1, 2))}},
		{"an own append is not seen", []Kind{Internal}, []Transaction{tx(Append("x", 1), Read("x"))}},
		{"no repeatable read", []Kind{Internal}, []Transaction{tx(Append("x", 1)), tx(Read("x"), Read("x", 1))}},
		{"a value twice", []Kind{Duplicate}, []Transaction{tx(Append("x", 1)), tx(Read("x", 1, 1))}},
		{"a value of nobody", []Kind{Garbage}, []Transaction{tx(Read("x", 7))}},
		{"an aborted append", []Kind{AbortedRead}, []Transaction{with(Aborted, tx(Append("x", 1))), tx(Read("x", 1))}},
		{"half of a transaction", []Kind{Intermediate}, []Transaction{tx(Append("x", 1), Append("x", 2)), tx(Read("x", 1))}},
		{"two orders", []Kind{Incompatible}, []Transaction{tx(Append("x", 1)), tx(Append("x", 2)), tx(Read("x", 1, 2)), tx(Read("x", 2))}},
		{"an unknown append that was seen", nil, []Transaction{with(Unknown, tx(Append("x", 1))), tx(Read("x", 1))}},
		{"an unknown append that was not", nil, []Transaction{with(Unknown, tx(Append("x", 1))), tx(Read("x"))}},
		{"writes in two orders", []Kind{G0}, []Transaction{
			tx(Append("x", 1), Append("y", 1)), tx(Append("x", 2), Append("y", 2)), tx(Read("x", 1, 2), Read("y", 2, 1)),
		}},
		{"each reads the other", []Kind{G1c}, []Transaction{
			tx(Append("x", 1), Read("y", 2)), tx(Append("y", 2), Read("x", 1)),
		}},
		{"a lost update", []Kind{GSingle}, []Transaction{
			tx(Append("x", 1)), tx(Read("x", 1), Append("x", 2)), tx(Read("x", 1), Append("x", 3)), tx(Read("x", 1, 2, 3)),
		}},
		{"a torn read", []Kind{GSingle}, []Transaction{
			tx(Append("x", 1), Append("y", 1)), tx(Read("x", 1), Read("y")), tx(Read("y", 1)),
		}},
		{"write skew", []Kind{G2}, []Transaction{
			tx(Read("x"), Append("y", 1)), tx(Read("y"), Append("x", 2)), tx(Read("x", 2), Read("y", 1)),
		}},
		{"a stale read", []Kind{GSingle.Realtime()}, []Transaction{
			timed(1, 2, Append("x", 1)), timed(3, 4, Read("x")), timed(5, 6, Read("x", 1)),
		}},
		{"a stale read of one that was under way", nil, []Transaction{
			timed(1, 4, Append("x", 1)), timed(3, 4, Read("x")), timed(5, 6, Read("x", 1)),
		}},
		{"a write into the past", []Kind{G0.Realtime()}, []Transaction{
			timed(1, 2, Append("x", 1)), timed(3, 4, Append("x", 2)), timed(5, 6, Read("x", 2, 1)),
		}},
		{"an unknown one may come late", nil, []Transaction{
			with(Unknown, timed(1, 2, Append("x", 1))), timed(3, 4, Read("x")), timed(5, 6, Read("x", 1)),
		}},
	} {
		var kinds []Kind
		for _, a := range Check(c.history) {
			kinds = append(kinds, a.Kind)
		}
		if !slices.Equal(kinds, c.want) {
			t.Errorf("%s: %v, want %v: %v", c.name, kinds, c.want, Check(c.history))
		}
	}
}

func TestComplete(t *testing.T) {
	history := []Transaction{tx(Append("x", 1)), with(Unknown, tx(Append("x", 2))), tx(Append("x", 3))}
	if a := Complete(history, map[string][]int{"x": {1, 3}}); a != nil {
		t.Error(a)
	}
	if a := Complete(history, map[string][]int{"x": {1, 2}}); len(a) != 1 || a[0].Kind != Lost {
		t.Error(a)
	}
	if a := Complete(history, map[string][]int{"x": {1, 3, 1}}); len(a) != 1 || a[0].Kind != Duplicate {
		t.Error(a)
	}
}

// serial runs random transactions one after the other. With stale, reads now and then see an earlier state.
func serial(rng *rand.Rand, n int, stale bool) []Transaction {
	lists := map[string][]int{}
	var history []Transaction
	for i := range n {
		t := Transaction{Begin: int64(10*i + 1), End: int64(10*i + 2 + rng.IntN(5))}
		own := map[string]int{}
		for range 1 + rng.IntN(4) {
			key := fmt.Sprint(rng.IntN(5))
			if rng.IntN(2) == 0 {
				lists[key] = append(lists[key], len(lists[key])+1)
				own[key]++
				t.Ops = append(t.Ops, Append(key, len(lists[key])))
				continue
			}
			seen := slices.Clone(lists[key])
			if stale && own[key] == 0 && len(seen) > 1 && rng.IntN(50) == 0 {
				seen = seen[:len(seen)-1]
			}
			t.Ops = append(t.Ops, Read(key, seen...))
		}
		history = append(history, t)
	}
	return history
}

func TestSerialHistories(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	found := 0
	for range 20 {
		if a := Check(serial(rng, 500, false)); a != nil {
			t.Fatalf("seed %d: %v", seed, a)
		}
		if Check(serial(rng, 500, true)) != nil {
			found++
		}
	}
	if found < 18 {
		t.Errorf("seed %d: stale reads were found in %d of 20 histories", seed, found)
	}
}

func BenchmarkCheck(b *testing.B) {
	history := serial(rand.New(rand.NewPCG(1, 1)), 10_000, false)
	for b.Loop() {
		if Check(history) != nil {
			b.Fatal("anomalies")
		}
	}
}
