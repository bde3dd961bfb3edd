package linear

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	read := func(v int) Step { return Step{Read, 0, v} }
	write := func(v int) Step { return Step{Write, 0, v} }
	add := func(v int) Step { return Step{Add, 0, v} }
	one := func(call, done int64, steps ...Step) Transaction {
		return Transaction{Client: int(call), Steps: steps, Call: call, Done: done}
	}
	for _, c := range []struct {
		name    string
		good    bool
		history []Transaction
	}{
		{"one after the other", true, []Transaction{one(1, 2, write(5)), one(3, 4, read(5), add(1)), one(5, 6, read(6))}},
		{"a stale read", false, []Transaction{one(1, 2, write(5)), one(3, 4, read(0))}},
		{"a read during the write", true, []Transaction{one(1, 4, write(5)), one(3, 4, read(0))}},
		{"a lost update", false, []Transaction{one(1, 9, read(0), write(1)), one(2, 9, read(0), write(1))}},
		{"two additions", true, []Transaction{one(1, 9, add(1)), one(2, 9, add(1)), one(10, 11, read(2))}},
		{"a lost addition", false, []Transaction{one(1, 9, add(1)), one(2, 9, add(1)), one(10, 11, read(1))}},
		{"an unknown write that was seen", true, []Transaction{one(1, 0, write(5)), one(3, 4, read(5))}},
		{"an unknown write that was not", true, []Transaction{one(1, 0, write(5)), one(3, 4, read(0))}},
		{"an unknown write that came and went", false, []Transaction{one(1, 0, write(5)), one(3, 4, read(5)), one(5, 6, read(0))}},
		{"an unknown write that was refused", true, []Transaction{one(1, 0, read(7), write(5)), one(3, 4, read(0))}},
		{"a guard that held", true, []Transaction{one(1, 9, add(3)), one(2, 9, Step{AtLeast, 0, 3}, Step{Below, 0, 4})}},
		{"a guard that never held", false, []Transaction{one(1, 9, add(3)), one(2, 9, Step{AtLeast, 0, 4})}},
	} {
		if err := Check(c.history, time.Minute); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestRandomHistories: what really ran in some order is accepted, and a changed read is found.
func TestRandomHistories(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	var s state
	var history []Transaction
	for i := range 400 {
		at := int64(10*i + 100)
		tx := Transaction{Client: i % 5, Call: at - int64(rng.IntN(20)), Done: at + int64(rng.IntN(20))}
		r := rng.IntN(Registers)
		tx.Steps = []Step{{Read, r, s[r]}, {Add, r, 1 + rng.IntN(3)}}
		s, _ = s.after(tx.Steps)
		history = append(history, tx)
	}
	if err := Check(history, time.Minute); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	broken := slices.Clone(history)
	broken[200].Steps = []Step{{Read, broken[200].Steps[0].Register, broken[200].Steps[0].Value + 1}, broken[200].Steps[1]}
	if Check(broken, time.Minute) == nil {
		t.Errorf("seed %d: a changed read was accepted", seed)
	}
}
