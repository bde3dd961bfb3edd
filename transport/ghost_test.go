package transport

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// ghost is the late hello of a process that is no more.
func (w *world) ghost(c *Client) {
	p := w.raw()
	p.send(helloFrame(func(h *hello) { h.key, h.patterns = c.opts.Key, []string{"echo"} }))
	p.read() // welcome
	p.conn.Close()
}

// TestLateHello: a client that alone has its key comes back when the hello of a predecessor of its own supersedes it.
func TestLateHello(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		stored := w.options()
		stored.Storage = NewMemoryStorage()
		for _, opts := range []*ClientOptions{stored, w.options()} {
			opts.MinBackoff, opts.MaxBackoff = time.Millisecond, time.Millisecond
			c := w.client(opts, &probe{name: "echo"})
			before := c.State().Session
			w.ghost(c)
			until(t, c, func(st State) bool { return st.Phase == Open && st.Session != before || st.Phase == Closed })
			if s := c.Session(); s == nil || w.server.Client(c.ID()).ID() != s.ID() {
				t.Fatalf("it did not come back: %+v", c.State())
			}
		}
	}, echo)
}

// TestChased: two clients that have the same key in spite of all do not chase each other away for ever; but a long session makes up for what was before.
func TestChased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, false, false, nil, echo())
		opts := w.options()
		opts.Storage = NewMemoryStorage()
		c := w.client(opts, &probe{name: "echo"})
		chase := func(times int) {
			for range times {
				w.ghost(c)
				time.Sleep(10 * time.Second)
				if c.Session() == nil {
					t.Fatalf("%+v", c.State())
				}
			}
		}
		chase(maxGhosts)
		time.Sleep(ghostless)
		chase(maxGhosts)
		w.ghost(c)
		if st := until(t, c, inPhase(Closed)); !errors.Is(st.Err, reasonOf(CloseSuperseded)) {
			t.Fatalf("ended with %v", st.Err)
		}
	})
}
