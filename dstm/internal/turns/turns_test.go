package turns

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

var start = time.Unix(0, 0)

func at(paths ...string) []Spot {
	var out []Spot
	for _, p := range paths {
		object, path, _ := strings.Cut(p, ":")
		s := Spot{Object: object}
		if path != "" {
			s.Path = strings.Split(path, "/")
		}
		out = append(out, s)
	}
	return out
}

// take returns all that is due: transactions by name, answers with an exclamation mark.
func take(t *Turns[string, string], now time.Time) string {
	var all []string
	for {
		item, answer, ok := t.Next(now)
		if !ok {
			return strings.Join(all, " ")
		}
		if answer {
			item += "!"
		}
		all = append(all, item)
	}
}

func want(t *testing.T, have, want string) {
	t.Helper()
	if have != want {
		t.Fatalf("%q in place of %q", have, want)
	}
}

func TestReservation(t *testing.T) {
	turns := New[string, string]()
	now := start
	if !turns.Idle() || !turns.Admit(start, "x", at("o:a"), "t") {
		t.Fatal("nothing is reserved")
	}
	for _, c := range []string{"a", "b", "c"} {
		if !turns.Earn(now, c, 2, at("o:p/q"), c) {
			t.Fatal(c)
		}
	}
	if turns.Earn(now, "a", 3, at("o:z"), "a") {
		t.Fatal("a second place")
	}
	want(t, take(turns, now), "a!")
	for path, admitted := range map[string]bool{"o:p/q": false, "o:p": false, "o:": false, "o:p/q/r": false, "o:p/r": true, "o:pq": true, "x:p/q": true} {
		if got := turns.Admit(start, "by "+path, at(path), path); got != admitted {
			t.Errorf("%s admitted: %v", path, got)
		}
	}
	if !turns.Admit(start, "a", at("o:p/q"), "own") || !turns.Admit(start, "a", at("o:"), "own") {
		t.Error("a's own is parked")
	}
	if turns.Admit(start, "by o:p", nil, "later") {
		t.Error("a later transaction overtakes a parked one")
	}
	want(t, take(turns, now), "")
	turns.Decided("a", 2) // not a higher attempt
	want(t, take(turns, now), "")
	turns.Decided("a", 3)
	want(t, take(turns, now), "b!") // those that were parked came later than b and c
	turns.Lapse(now.Add(Span - 1))
	want(t, take(turns, now), "")
	now = now.Add(Span)
	if end, ok := turns.Deadline(); !ok || !end.Equal(now) {
		t.Fatal(end, ok)
	}
	turns.Lapse(now)
	want(t, take(turns, now), "c!")
	if end, ok := turns.Deadline(); !ok || !end.Equal(now.Add(Span/2)) {
		t.Fatal("behind one that lapsed another has half the time", end, ok)
	}
	if turns.Earn(now, "b", 3, at("o:z"), "b") || !turns.Earn(now.Add(Pause), "b", 3, at("o:z"), "b") {
		t.Error("who lets a reservation lapse earns none for a second")
	}
	turns.Leave("c", nil)
	turns.Leave("b", func(string) bool { return false })
	left := strings.Fields(take(turns, now))
	slices.Sort(left)
	want(t, strings.Join(left, " "), "b! later o: o:p o:p/q o:p/q/r")
	turns.Decided("b", 4)
	if !turns.Idle() || !turns.Empty() || len(turns.objects)+turns.keys[0]+turns.keys[1] > 0 {
		t.Error("something is left")
	}
}

// Whoever is parked stands in the queue: a place that was earned later comes after it.
func TestParkedStandInTheQueue(t *testing.T) {
	turns := New[string, string]()
	turns.Earn(start, "a", 2, at("o:p"), "a")
	want(t, take(turns, start), "a!")
	turns.Admit(start, "w", at("o:p"), "w")
	turns.Earn(start, "b", 2, at("o:p"), "b")
	if !turns.Join("b", "presumes b") || turns.Join("a", "x") || turns.Join("z", "x") {
		t.Error("only what waits can be joined")
	}
	want(t, take(turns, start), "")
	turns.Decided("a", 3)
	want(t, take(turns, start), "w b! presumes b!")
}

func TestClose(t *testing.T) {
	turns := New[string, string]()
	for _, c := range []string{"a", "b"} {
		turns.Earn(start, c, 2, at("o:p"), c)
	}
	want(t, take(turns, start), "a!")
	turns.Admit(start, "w", at("o:p"), "w")
	turns.Admit(start, "w", at("o:p"), "w2")
	turns.Close()
	want(t, take(turns, start), "b! w w2")
	if !turns.Idle() || turns.Earn(start, "a", 2, at("o:p"), "a") || len(turns.objects) > 0 {
		t.Error("it is closed")
	}
}

// Two that have reservations and write at each other's paths do not wait for each other.
func TestCrossedReservations(t *testing.T) {
	turns := New[string, string]()
	turns.Earn(start, "a", 2, at("o:p"), "a")
	turns.Earn(start, "b", 2, at("o:q"), "b")
	want(t, take(turns, start), "a! b!")
	if turns.Admit(start, "b", at("o:p", "o:q"), "b") || !turns.Admit(start, "a", at("o:p", "o:q"), "a") {
		t.Error("the older one goes on, the other waits")
	}
	turns.Decided("a", 3)
	want(t, take(turns, start), "b")
}

func TestBounds(t *testing.T) {
	turns := New[int, int]()
	earned := 0
	for i := range 3000 {
		var spots []Spot
		for j := range 60 {
			spots = append(spots, Spot{"o", tree.Path{fmt.Sprint(i), fmt.Sprint(j), "x", "y"}})
		}
		if turns.Earn(start, i, 2, spots, i) {
			earned++
		}
	}
	if earned == 0 || earned > maxPlaces || turns.keys[1] > maxKeys {
		t.Errorf("%d places with %d keys", earned, turns.keys[1])
	}
	for {
		if _, _, ok := turns.Next(start); !ok {
			break
		}
	}
	for i := range 3000 { // large transactions claim the whole object
		var spots []Spot
		for j := range 200 {
			spots = append(spots, Spot{"o", tree.Path{fmt.Sprint(j)}}, Spot{"o", tree.Path{fmt.Sprint(j), "x"}})
		}
		turns.Admit(start, -1-i, spots, i)
	}
	if turns.keys[0] > maxKeys {
		t.Errorf("parked transactions have %d keys", turns.keys[0])
	}
}

// model is the same, as plainly as can be: one list of claims, looked at from the start each time.
type model struct{ claims []*modelClaim }

type modelClaim struct {
	key          int
	spots        []Spot
	place, begun bool
	items        []string
}

func touch(a, b []Spot) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Object == y.Object && x.Path.Touches(y.Path) {
				return true
			}
		}
	}
	return false
}

func (m *model) front(i int) bool {
	c := m.claims[i]
	for _, before := range m.claims[:i] {
		if before.key != c.key && touch(before.spots, c.spots) {
			return false
		}
	}
	return true
}

func (m *model) next() []string {
	var out []string
	for again := true; again; {
		again = false
		for i, c := range m.claims {
			if c.begun || !m.front(i) {
				continue
			}
			again = true
			if c.place {
				c.begun = true
				out = append(out, c.items[0]+"!")
			} else {
				m.claims = slices.Delete(m.claims, i, i+1)
				out = append(out, c.items...)
			}
			break
		}
	}
	return out
}

func (m *model) taken(key int, spots []Spot) bool {
	return slices.ContainsFunc(m.claims, func(c *modelClaim) bool { return c.begun && c.key != key && touch(c.spots, spots) })
}

// TestModel compares with the model over random inputs. Clients that have a reservation send one transaction at its spots only, so that
// the exceptions for several transactions of one client do not arise.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 200 {
		turns, m := New[int, string](), &model{}
		spots := func() []Spot {
			var out []Spot
			for range 1 + r.IntN(3) {
				s := Spot{Object: string(rune('o' + r.IntN(2)))}
				for range r.IntN(4) {
					s.Path = append(s.Path, string(rune('a'+r.IntN(3))))
				}
				out = append(out, s)
			}
			return out
		}
		for step := range 300 {
			key, name := r.IntN(12), fmt.Sprintf("%d.%d", round, step)
			mine := slices.IndexFunc(m.claims, func(c *modelClaim) bool { return c.key == key })
			switch {
			case mine >= 0 && m.claims[mine].begun:
				turns.Decided(key, 3)
				m.claims = slices.Delete(m.claims, mine, mine+1)
			case mine >= 0:
			case r.IntN(2) == 0:
				at := spots()
				turns.Earn(start, key, 2, at, name)
				m.claims = append(m.claims, &modelClaim{key: key, spots: at, place: true, items: []string{name}})
			default:
				at := spots()
				taken := m.taken(key, at)
				if admitted := turns.Admit(start, key, at, name); admitted == taken {
					t.Fatalf("%s admitted: %v", name, admitted)
				}
				if taken {
					m.claims = append(m.claims, &modelClaim{key: key, spots: at, items: []string{name}})
				}
			}
			var have []string
			for {
				item, answer, ok := turns.Next(start)
				if !ok {
					break
				}
				if answer {
					item += "!"
				}
				have = append(have, item)
			}
			want := m.next()
			slices.Sort(have)
			slices.Sort(want)
			if !slices.Equal(have, want) {
				t.Fatalf("round %d, step %d: %v in place of %v", round, step, have, want)
			}
		}
	}
}

// clock drives Turns through time: step says what those do that are given an answer, and the clock goes to the next deadline.
func clock(turns *Turns[int, int], until func(item int) bool, answered func(now time.Time, item int)) (now time.Time) {
	now = start
	for {
		turns.Lapse(now)
		for {
			item, answer, ok := turns.Next(now)
			if !ok {
				break
			}
			if until(item) {
				return now
			}
			if answer {
				answered(now, item)
			}
		}
		end, ok := turns.Deadline()
		if !ok {
			return now
		}
		now = end
	}
}

// However many clients earn reservations and let them lapse, what stands behind them waits for little more than two spans.
func TestLapsesTogether(t *testing.T) {
	for _, parked := range []bool{false, true} {
		turns := New[int, int]()
		for i := range maxPlaces - 1 {
			if !turns.Earn(start, i, 2, at("o:p"), i) {
				t.Fatal(i)
			}
		}
		turns.Next(start)
		if parked && turns.Admit(start, -1, at("o:p"), -1) || !parked && !turns.Earn(start, -1, 2, at("o:p"), -1) {
			t.Fatal("it is not behind the others")
		}
		waited := clock(turns, func(item int) bool { return item == -1 }, func(time.Time, int) {}).Sub(start)
		if most := 2*Span + maxPlaces*Least; waited > most {
			t.Errorf("parked %v: it waited for %v, more than %v", parked, waited, most)
		}
	}
}

// Nothing waits for longer than Patience, though all before it make use of what they have, and new ones come all the time.
func TestPatience(t *testing.T) {
	for _, parked := range []bool{false, true} {
		turns := New[int, int]()
		for i := range maxPlaces - 1 {
			turns.Earn(start, i, 2, at("o:p"), i)
		}
		turns.Next(start)
		if parked {
			turns.Admit(start, -1, at("o:p"), -1)
			turns.Admit(start, -1, at("o:p"), -2) // behind it, and as old
		} else {
			turns.Earn(start, -1, 2, at("o:p"), -1)
		}
		last := -1
		if parked {
			last = -2
		}
		now, over := start, false
		for next := maxPlaces; !over; next++ {
			holder := -1
			for {
				item, answer, ok := turns.Next(now)
				if !ok {
					break
				}
				if over = over || item == last; answer {
					holder = item
				}
			}
			if now.Sub(start) >= Patience+Span {
				t.Fatalf("parked %v: it waits for longer than %v", parked, Patience)
			}
			now = now.Add(Span - 1)
			turns.Lapse(now)
			turns.Decided(holder, 3)
			turns.Earn(now, next, 2, at("o:p"), next)
		}
		if len(turns.waiting) > 3*maxPlaces {
			t.Errorf("%d are remembered", len(turns.waiting))
		}
	}
}

// A hundred who need nearly the whole of a span all have one in their turn.
func TestHundredSlowOnes(t *testing.T) {
	turns := New[int, int]()
	for i := range 100 {
		turns.Earn(start, i, 2, at("o:p"), i)
	}
	now, served := start, 0
	for ; served < 100; served++ {
		turns.Lapse(now)
		item, answer, ok := turns.Next(now)
		if !ok || !answer || item != served {
			t.Fatalf("%d: %d, %v, %v", served, item, answer, ok)
		}
		if now = now.Add(Span - 1); turns.Admit(now, -1-served, at("o:p"), 0) {
			t.Fatalf("%d has nothing reserved", served)
		}
		turns.Leave(-1-served, func(int) bool { return true })
		turns.Lapse(now)
		turns.Decided(item, 3)
	}
}
