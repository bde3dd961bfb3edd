package transport

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// A panic of what the program adds ends one session, altogether, and nothing else.
func TestPanics(t *testing.T) {
	for _, where := range []string{"Attach", "Authenticate", "Receive", "Close", "AfterDrain"} {
		t.Run(where, func(t *testing.T) {
			opts := &ServerOptions{Authenticate: func(_ context.Context, h *Hello) (Identity, error) {
				if h.Agent == "victim" && where == "Authenticate" {
					panic("deliberate")
				}
				return Identity{}, nil
			}}
			bubble(t, opts, func(t *testing.T, w *world) {
				beside := w.client(nil)
				p := w.server.patterns[0].(*probe)
				panics := func(at string) {
					if where == at {
						panic("deliberate")
					}
				}
				p.mu.Lock()
				if where == "Attach" {
					p.refuses = true // so that its life is not counted
				}
				p.opened = func(*Session) error { panics("Attach"); return nil }
				p.receive = func(s *Session, _ Frame) error {
					panics("Receive")
					s.AfterDrain(func() { panics("AfterDrain") })
					return nil
				}
				p.closed = func(*Session, error) { panics("Close") }
				p.mu.Unlock()
				peer := w.raw()
				peer.send(helloFrame(func(h *hello) { h.agent, h.patterns = "victim", []string{"echo"} }))
				code := CloseInternal
				if where == "Receive" || where == "Close" || where == "AfterDrain" {
					peer.read()
					peer.send(frameOf(16, 1, integer(1), integer(1)))
				}
				if where == "Close" {
					time.Sleep(time.Second)
					for s := range w.server.Sessions() {
						if s.Agent() == "victim" {
							s.Close(CloseKicked, "")
						}
					}
					code = CloseKicked // the panic came too late for another
				}
				peer.wantClose(code)
				time.Sleep(time.Minute)
				if n := len(w.server.all()); n != 1 || beside.Session() == nil {
					t.Errorf("%d sessions are left", n)
				}
			})
		})
	}
}

// A welcome that cannot be sent, for a login returned a name that is too long, ends the session.
func TestWelcomeTooLong(t *testing.T) {
	opts := &ServerOptions{Outbound: 4096, Authenticate: func(context.Context, *Hello) (Identity, error) {
		return Identity{User: strings.Repeat("x", 100_000)}, nil
	}}
	bubble(t, opts, func(t *testing.T, w *world) {
		if _, err := Dial(context.Background(), "", w.options()); !errors.Is(err, reasonOf(CloseInternal)) {
			t.Errorf("%v", err)
		}
	})
}
