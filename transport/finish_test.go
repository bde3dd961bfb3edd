package transport

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/status"
)

// finishing is a probe that wants to know the end. It does everything under a lock of its own, as patterns do.
type finishing struct {
	probe
	lock   sync.Mutex
	events []string
	err    error
	client *Client
	phase  Phase // the client's, seen in Finish
}

func newFinishing() *finishing {
	p := &finishing{probe: probe{name: "echo"}}
	note := func(what string) {
		p.lock.Lock()
		defer p.lock.Unlock()
		p.events = append(p.events, what)
	}
	p.opened = func(*Session) error { note("open"); return nil }
	p.closed = func(*Session, error) { note("close") }
	return p
}

func (p *finishing) Finish(err error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.events = append(p.events, "finish")
	p.err = err
	if p.client != nil {
		p.phase = p.client.State().Phase
	}
}

// A pattern hears once that its client has ended for good: behind the end of the last session, before the
// client's state says so.
func TestFinish(t *testing.T) {
	once, never := []string{"open", "close", "finish"}, []string{"finish"}
	cases := []struct {
		name   string
		events []string
		err    error
		run    func(w *world, c *Client)
	}{
		{"Close", once, ErrClosed, func(_ *world, c *Client) { c.Close(); c.Close() }},
		{"superseded", once, reasonOf(CloseSuperseded), func(w *world, c *Client) {
			opts := w.options()
			opts.Key = c.opts.Key
			w.client(opts, &probe{name: "echo"})
		}},
		{"kicked", once, reasonOf(CloseKicked), func(w *world, c *Client) { c.Session().Close(CloseKicked, "") }},
		{"lost, then Close between sessions", once, ErrClosed, func(w *world, c *Client) {
			c.Session().conn.Close()
			until(w.t, c, inPhase(Connecting))
			c.Close()
		}},
		{"come back", []string{"open", "close", "open", "close", "finish"}, ErrClosed, func(w *world, c *Client) {
			c.Session().Close(CloseGoingAway, "")
			until(w.t, c, inPhase(Connecting))
			until(w.t, c, inPhase(Open))
			c.Close()
		}},
		{"refused login", never, status.Unauthenticated, nil},
		{"no credentials", never, status.PermissionDenied, nil},
		{"MaxAttempts", never, errNoRoute, nil},
		{"Close before the first session", never, ErrClosed, nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			opts := &ServerOptions{Authenticate: func(_ context.Context, h *Hello) (Identity, error) {
				if h.Agent == "refused login" {
					return Identity{}, status.Unauthenticated
				}
				return Identity{}, nil
			}}
			bubble(t, opts, func(t *testing.T, w *world) {
				p := newFinishing()
				o := w.options()
				o.Agent = tc.name
				o.Key = NewKey() // somebody else may have it
				switch tc.name {
				case "no credentials":
					o.Credentials = func(context.Context) (map[string]map[string]any, error) {
						return nil, status.New(status.PermissionDenied, "", "the token was revoked")
					}
				case "MaxAttempts", "Close before the first session":
					o.MaxAttempts = 7
					o.Dialer = dialerFunc(func(context.Context, string, string) (Conn, error) { return nil, errNoRoute })
				}
				c := Connect(w.url, o, p)
				p.lock.Lock()
				p.client = c
				p.lock.Unlock()
				if tc.name == "Close before the first session" {
					c.Close()
				}
				if tc.run != nil {
					until(t, c, inPhase(Open))
					tc.run(w, c)
				}
				st := until(t, c, inPhase(Closed))
				<-c.done
				p.lock.Lock()
				defer p.lock.Unlock()
				if !slices.Equal(p.events, tc.events) || !errors.Is(p.err, tc.err) || p.phase == Closed {
					t.Errorf("%v, %v, in phase %v; want %v, %v", p.events, p.err, p.phase, tc.events, tc.err)
				}
				if !errors.Is(st.Err, tc.err) || p.err == nil {
					t.Errorf("the state has %v", st.Err)
				}
			})
		})
	}
}

var errNoRoute = status.New(status.Unavailable, "test.no_route", "no route")

// A failed Dial leaves its patterns as they were, also if a session opens when it is given up.
func TestFinishNotByDial(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		p := newFinishing()
		o := w.options()
		o.Dialer = dialerFunc(func(context.Context, string, string) (Conn, error) { return nil, errNoRoute })
		if _, err := Dial(context.Background(), "", o, p); !errors.Is(err, errNoRoute.Reason) {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		p.opened = func(*Session) error { cancel(); synctest.Wait(); return nil } // Dial sees it now
		if c, err := Dial(ctx, "", w.options(), p); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v", c, err)
		}
		p.lock.Lock()
		defer p.lock.Unlock()
		if slices.Contains(p.events, "finish") {
			t.Errorf("%v", p.events)
		}
	})
}

// A Finish that panics harms nobody else.
func TestFinishPanics(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		p := newFinishing()
		c := w.client(nil, panicking{&probe{name: "first"}}, p)
		c.Close()
		if !slices.Contains(p.events, "finish") || c.State().Phase != Closed {
			t.Errorf("%v, %v", p.events, c.State())
		}
	})
}

type panicking struct{ *probe }

func (panicking) Finish(error) { panic("deliberate") }

// An attempt takes no longer than ConnectTimeout, however it is divided between dialling and welcome.
func TestConnectTimeout(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		o := w.options()
		o.ConnectTimeout = 10 * time.Second
		o.Dialer = dialerFunc(func(_ context.Context, _, subprotocol string) (Conn, error) {
			time.Sleep(6 * time.Second)
			here, _ := newPipe(subprotocol) // with nobody at its far end
			return here, nil
		})
		begin := time.Now()
		_, err := Dial(context.Background(), "", o)
		if !errors.Is(err, reasonOf(CloseHandshakeTimeout)) {
			t.Errorf("%v", err)
		}
		if d := time.Since(begin); d > 10*time.Second+closeGrace {
			t.Errorf("it took %v", d)
		}
	})
}
