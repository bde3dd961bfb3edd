package dstm_test

import (
	"errors"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/transport"
)

// moved is a hall whose server dies and comes back on another log.
type moved struct {
	*hall
	guest *guest
}

func newMoved(t *testing.T, log dstm.Log) *moved {
	leak.Check(t)
	m := &moved{hall: &hall{t: t, ctx: testContext(t)}}
	m.start(log)
	t.Cleanup(m.stop)
	m.guest = m.hall.guest()
	return m
}

func (m *moved) start(log dstm.Log) {
	m.t.Helper()
	store, err := dstm.NewStore(log, &dstm.StoreOptions{Rules: allowAll})
	if err != nil {
		m.t.Fatal(err)
	}
	m.store, m.server = store, transport.NewServer(&transport.ServerOptions{Logger: quiet()}, store)
}

func (m *moved) stop() {
	m.server.Close(m.ctx)
	m.store.Close(m.ctx)
}

// move has the server stop, and another take its place.
func (m *moved) move(log dstm.Log) {
	m.t.Helper()
	m.stop()
	m.start(log)
	l := m.guest.line
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dialer, l.down = m.server.Pipe(), false
}

// commitUnheard has an Update commit whose answer does not arrive, and the connection cut.
func (m *moved) commitUnheard(o dstm.Object) <-chan error {
	m.t.Helper()
	m.guest.line.hold()
	before := m.store.Position()
	done := make(chan error, 1)
	go func() {
		_, err := o.Update(m.ctx, increase)
		done <- err
	}()
	m.until(func() bool { return m.store.Position() > before })
	m.guest.line.drop(false)
	m.guest.offline(m.ctx)
	return done
}

// TestServerRestarts has the server die between commit and answer, and another process take over its log.
func TestServerRestarts(t *testing.T) {
	log := dstm.NewMemoryLog()
	m := newMoved(t, log)
	o := m.open(m.guest, "board/1")
	sent := m.commitUnheard(o)
	unsent := make(chan error, 1)
	go func() {
		_, err := o.Update(m.ctx, increase)
		unsent <- err
	}()
	m.move(log.Share())
	for _, done := range []<-chan error{sent, unsent} {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if n, v := valueOf(t, o), o.Head().Version; n != 2 || v != 2 {
		t.Fatalf("count %d at version %d", n, v)
	}
	m.compare(m.guest)
	if err := m.recorder.Check(m.ctx, log); err != nil {
		t.Error(err)
	}
}

// TestLogWasRestored has the server come back with a log that lost its tail: the replica is reset, and what
// may have been in the tail is unknown.
func TestLogWasRestored(t *testing.T) {
	m := newMoved(t, dstm.NewMemoryLog())
	o := m.open(m.guest, "board/1")
	for range 3 {
		if _, err := o.Update(m.ctx, increase); err != nil {
			t.Fatal(err)
		}
	}
	before := o.Head()
	sent := m.commitUnheard(o)
	unsent := make(chan error, 1)
	go func() {
		_, err := o.Update(m.ctx, increase)
		unsent <- err
	}()
	m.until(func() bool { return valueOf(t, o) == 5 })
	m.move(dstm.NewMemoryLog())
	if err := <-sent; !errors.Is(err, dstm.ErrOutcomeUnknown) {
		t.Fatal(err)
	}
	if err := <-unsent; err != nil { // it ran again
		t.Fatal(err)
	}
	if n, head := valueOf(t, o), o.Head(); n != 1 || head.Version != 1 || head.Epoch == before.Epoch {
		t.Fatalf("count %d, head %+v before %+v", n, head, before)
	}
}
