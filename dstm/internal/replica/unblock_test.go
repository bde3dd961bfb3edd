package replica

import "testing"

// The 65th of a chain made offline is refused without a round trip when the 64 before it are committed. What it
// predicted must be gone by then: run again it must build on the confirmed state alone.
func TestARetrySeesNothingOfWhatUnblockingTookBack(t *testing.T) {
	d := newDesk(t)
	d.connect()
	d.open("a")
	d.cut()
	increment := func(x *draft) { n := x.number("n"); x.set(n+1, "n") }
	for range 65 {
		d.do("a", increment)
	}
	d.connect()
	d.sync()
	if s := d.state("a"); number(s.Root, "n") != 64 || len(s.Pending) != 0 {
		t.Fatalf("it sees %d with %d pending, want the 64 that were committed", number(s.Root, "n"), len(s.Pending))
	}
	d.do("a", increment)
	d.sync()
	if n := number(&d.server.object("a").root, "n"); n != 65 {
		t.Fatalf("the server holds %d, want 65", n)
	}
}
