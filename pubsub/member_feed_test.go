package pubsub

import (
	"math/rand/v2"
	"testing"

	"github.com/trefoilgo/trefoil/transport"
)

// Whoever reads a member feed now and then ends with who is there, each of them told to have come once; and what waits for a
// program that does not read is no more than what it has to be told.
func TestMemberFeedHoldsNoQueue(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	f := &MemberFeed{
		signal:  make(chan struct{}, 1),
		present: map[transport.ID]Member{}, known: map[transport.ID]Member{}, dirty: map[transport.ID]uint64{},
	}
	member := func(n int) Member { return Member{Client: transport.ID{byte(n), byte(n >> 8), byte(n >> 16), 1}} }
	there, told := map[int]bool{}, map[transport.ID]bool{}
	read := func() {
		e, ok, err := f.next(t.Context())
		if !ok || err != nil || told[e.Member.Client] == e.Joined {
			t.Fatalf("%+v, %v, %v", e, ok, err)
		}
		if told[e.Member.Client] = e.Joined; !e.Joined {
			delete(told, e.Member.Client)
		}
	}
	fresh, highest := 0, 0
	for step := range 100_000 {
		switch what := rng.IntN(1000); {
		case what == 0: // the server sends all who are there
			var list []Member
			for n := range there {
				if rng.IntN(2) == 0 {
					delete(there, n)
				} else {
					list = append(list, member(n))
				}
			}
			f.reset(list)
		case what < 5 && len(f.dirty) > 0:
			read()
		case what < 500 && len(there) < 50: // somebody comes whom nobody knows, or who was there before
			n := rng.IntN(20)
			if rng.IntN(2) == 0 {
				fresh++
				n = 1000 + fresh
			}
			there[n] = true
			f.change(member(n), true)
		default:
			for n := range there {
				delete(there, n)
				f.change(member(n), false)
				break
			}
		}
		highest = max(highest, len(f.dirty))
		if len(f.dirty) > len(there)+len(told) || len(f.order) > 2*highest+17 {
			t.Fatalf("step %d: %d and %d wait, %d are there and %d are known", step, len(f.dirty), len(f.order), len(there), len(told))
		}
	}
	for len(f.dirty) > 0 {
		read()
	}
	for n := range there {
		if !told[member(n).Client] {
			t.Errorf("nobody was told of %d", n)
		}
	}
	if len(told) != len(there) {
		t.Errorf("%d are told to be there, %d are", len(told), len(there))
	}
}
