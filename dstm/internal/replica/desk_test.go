package replica

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// desk is a core and a server with a network that delivers when told.
type desk struct {
	t      *testing.T
	core   *Core
	server *naive
	link   *link
	events []Event
}

var me = [16]byte{1}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, core: New(0, 1024), server: newNaive(rand.New(rand.NewPCG(1, 1)))}
	return d
}

func (d *desk) connect() {
	d.link = &link{client: me, open: map[string]bool{}}
	d.core.Connected(me)
}

func (d *desk) cut() {
	d.link = nil
	d.core.Lost()
}

// send gives the server all that the core has to send; it returns the kinds.
func (d *desk) send() (kinds []int) {
	d.t.Helper()
	for b := d.core.Next(); b != nil; b = d.core.Next() {
		b = slices.Clone(b)
		d.core.Sent()
		f, _ := parse(b)
		kinds = append(kinds, f.Kind)
		d.server.handle(d.link, b, []*link{d.link})
		if len(d.server.faults) > 0 {
			d.t.Fatal(d.server.faults)
		}
	}
	return kinds
}

// receive gives the core all that the server has sent.
func (d *desk) receive() {
	d.t.Helper()
	for len(d.link.toClient) > 0 {
		b := d.link.toClient[0]
		d.link.toClient = d.link.toClient[1:]
		d.take(b)
	}
}

func (d *desk) take(b []byte) {
	d.t.Helper()
	f, err := parse(b)
	if err == nil {
		err = d.core.Receive(f)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// sync exchanges until nothing is left.
func (d *desk) sync() {
	d.t.Helper()
	for d.core.Next() != nil || len(d.link.toClient) > 0 {
		d.send()
		d.receive()
	}
}

func (d *desk) open(name string) {
	d.t.Helper()
	d.core.Open(name)
	d.sync()
	if _, ok := d.core.State(name); !ok {
		d.t.Fatal("not open")
	}
}

// settled are the Settled events since the last call, as sequence: reason.
func (d *desk) settled() (out []string) {
	d.events = append(d.events, d.core.Events()...)
	for _, e := range d.events {
		if e.Kind != Settled {
			continue
		}
		s := fmt.Sprint(e.Sequence, " ok")
		if e.Err != nil {
			s = fmt.Sprint(e.Sequence, " ", e.Err.Reason)
			if e.Err.Unknown {
				s += " unknown"
			}
		}
		out = append(out, s)
	}
	d.events = nil
	return out
}

func (d *desk) expect(want ...string) {
	d.t.Helper()
	if got := d.settled(); !slices.Equal(got, want) {
		d.t.Fatalf("settled %q, want %q", got, want)
	}
}

func (d *desk) state(name string) State {
	d.t.Helper()
	s, ok := d.core.State(name)
	if !ok {
		d.t.Fatal(name, " is not open")
	}
	return s
}

// do submits what fn makes on the object's state.
func (d *desk) do(name string, fn func(*draft)) uint64 {
	d.t.Helper()
	return d.on(d.state(name), name, fn)
}

func (d *desk) on(s State, name string, fn func(*draft)) uint64 {
	d.t.Helper()
	t := draft{State: s, part: txn.Part{Object: name, Epoch: s.Epoch, Base: s.Version}}
	fn(&t)
	seq, path, err := d.core.Submit(txn.Transaction{Position: s.Seen, After: t.after, Parts: []txn.Part{t.part}}, s.last())
	if err != nil {
		d.t.Fatal(err, path)
	}
	return seq
}

func set(v int64, path ...string) func(*draft) {
	return func(d *draft) { d.observe(path); d.set(v, path...) }
}

func add(v int64, path ...string) func(*draft) {
	return func(d *draft) { d.add(v, path...) }
}

func (d *desk) sees(name string, want int64, path ...string) {
	d.t.Helper()
	if got := number(d.state(name).Root, path...); got != want {
		d.t.Fatalf("%v of %s is %d, want %d", path, name, got, want)
	}
}

// foreign commits as somebody else.
func (d *desk) foreign(name string, fn func(*draft)) {
	d.t.Helper()
	o := d.server.object(name)
	t := draft{State: State{Root: &o.root, Version: o.version}, part: txn.Part{Object: name, Epoch: d.server.epoch, Base: o.version}}
	fn(&t)
	links := []*link{}
	if d.link != nil {
		links = append(links, d.link)
	}
	other := &link{client: [16]byte{2}}
	d.server.commit(other, &txn.Transaction{Sequence: uint64(len(d.server.entries) + 1), Parts: []txn.Part{t.part}}, links)
}
