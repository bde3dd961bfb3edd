package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/status"
)

// until waits for a state of the client.
func until(t testing.TB, c *Client, want func(State) bool) State {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for st := range c.States(ctx) {
		if want(st) {
			return st
		}
	}
	t.Fatalf("state %+v", c.State())
	panic("unreachable")
}

func inPhase(p Phase) func(State) bool { return func(st State) bool { return st.Phase == p } }

// Both codecs are real on one server at once; a Shared reaches sessions of both.
func TestBothCodecsAtOnce(t *testing.T) {
	for _, ws := range []bool{false, true} {
		w := newWorld(t, ws, false, nil, echo())
		var all []chan got
		for i := range 6 {
			opts := w.options()
			opts.JSON = i%2 == 1
			p, ch := collector("echo", 8)
			c := w.client(opts, p)
			if c.Session().JSON() != opts.JSON || w.server.Client(c.ID()).JSON() != opts.JSON {
				t.Fatal("wrong codec")
			}
			all = append(all, ch)
		}
		for _, n := range []int{10, 100_000} {
			body := codec.AppendBytes(nil, make([]byte, n))
			f := NewShared(frameOf(16, 7, text("s"), body))
			Broadcast(slices.Collect(w.server.Sessions()), f, func(_ *Session, err error) { t.Error(err) })
			for _, ch := range all {
				if g := within(t, ch); g.kind != 7 || g.body != string(body) {
					t.Fatalf("got %d, %d bytes", g.kind, len(g.body))
				}
			}
		}
	}
}

// The second session of a client ends the first, which does not come back; the
// patterns see one end before the other begins.
func TestSuperseded(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		opts.Key = NewKey()
		first := w.client(opts, &probe{name: "echo"})
		p := w.server.patterns[0].(*probe)
		p.mu.Lock()
		p.opened = func(s *Session) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.lives) != 2 || p.lives[0].closes != 1 {
				return errors.New("two live sessions of one client")
			}
			return nil
		}
		p.mu.Unlock()
		second := w.client(opts, &probe{name: "echo"})
		st := until(t, first, inPhase(Closed))
		var e *status.Error
		if !errors.As(st.Err, &e) || e.Reason != "transport.superseded" {
			t.Fatalf("first: %v", st.Err)
		}
		if second.ID() != first.ID() || w.server.Client(first.ID()).ID() != second.Session().ID() {
			t.Fatal("the second is not the live one")
		}
	}, echo)
}

// A close code and its reason reach the client's state; it decides about coming back.
func TestCloseReachesState(t *testing.T) {
	cases := []struct {
		code     CloseCode
		comeBack bool
	}{
		{CloseGoingAway, true}, {CloseInternal, true}, {CloseOverloaded, true}, {CloseExpired, true}, {4055, true},
		{CloseKicked, false}, {CloseProtocol, false}, {4177, false},
	}
	everywhere(t, nil, func(t *testing.T, w *world) {
		for _, tc := range cases {
			opts := w.options()
			opts.MinBackoff, opts.MaxBackoff = time.Hour, time.Hour
			p := &probe{name: "echo"}
			c := w.client(opts, p)
			s := c.Session()
			w.server.Client(c.ID()).Close(tc.code, "because of a reason")
			st := until(t, c, func(st State) bool { return st.Phase != Open })
			want := Closed
			if tc.comeBack {
				want = Connecting
			}
			var e *status.Error
			if st.Phase != want || !errors.As(st.Err, &e) || e.Message != "because of a reason" || e.Reason != reasonOf(tc.code) {
				t.Fatalf("%d: %+v", int(tc.code), st)
			}
			<-s.Done()
			p.mu.Lock()
			err := p.lives[0].err
			p.mu.Unlock()
			if !errors.Is(err, status.Unavailable) || !errors.Is(err, reasonOf(tc.code)) || !errors.Is(err, ErrClosed) {
				t.Fatalf("Receiver.Close got %v", err)
			}
			if c.Session() != nil || s.Err() == nil || context.Cause(s.Context()) != s.Err() {
				t.Fatal("the session does not know its end")
			}
			c.Close()
		}
	}, echo)
}

// A broken connection is transport.connection_lost on both sides, with its cause.
func TestConnectionLost(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		var conn Conn
		opts := w.options()
		opts.Dialer = wrapped(w.dialer, func(c Conn) Conn { conn = c; return c })
		p := &probe{name: "echo"}
		c := w.client(opts, p)
		here, there := c.Session(), w.server.Client(c.ID())
		conn.Close()
		for _, s := range []*Session{here, there} {
			<-s.Done()
			var e *status.Error
			if err := s.Err(); !errors.As(err, &e) || e.Code != status.Unavailable || e.Reason != "transport.connection_lost" || errors.Unwrap(errors.Unwrap(err)) == nil {
				t.Errorf("ended with %v", err)
			}
		}
		until(t, c, inPhase(Open))
		if c.Session() == here {
			t.Error("no new session")
		}
	}, echo)
}

// Refused logins: the client's error has the code, and it does not try again.
func TestRefusedLogin(t *testing.T) {
	opts := &ServerOptions{Authenticate: func(_ context.Context, h *Hello) (Identity, error) {
		switch h.Credentials[""]["token"] {
		case "right":
			return Identity{User: "ada"}, nil
		case "barred":
			return Identity{}, status.New(status.PermissionDenied, "", "barred")
		}
		return Identity{}, status.New(status.Unauthenticated, "", "who are you?")
	}}
	everywhere(t, opts, func(t *testing.T, w *world) {
		for token, want := range map[string]error{"right": nil, "barred": status.PermissionDenied, "": status.Unauthenticated} {
			o := w.options()
			o.Credentials = func(context.Context) (map[string]map[string]any, error) {
				return map[string]map[string]any{"": {"token": token}}, nil
			}
			c, err := Dial(context.Background(), w.url, o)
			if !errors.Is(err, want) {
				t.Errorf("%q: %v", token, err)
			}
			if err == nil {
				if w.server.Client(c.ID()).Identity().User != "ada" || c.Session().Identity().User != "ada" {
					t.Error("not ada")
				}
				c.Close()
				continue
			}
			c = Connect(w.url, o)
			if st := until(t, c, inPhase(Closed)); !errors.Is(st.Err, want) {
				t.Errorf("%q: %+v", token, st)
			}
			c.Close()
		}
	}, echo)
}

// A pattern that one side does not speak has no number; one whose Attach fails ends the session.
func TestPatterns(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		c := w.client(nil, &probe{name: "echo"}, &probe{name: "unheard"}, &probe{name: "rpc"})
		s := c.Session()
		if _, ok := s.Number("unheard"); ok {
			t.Error("unheard has a number")
		}
		if n, ok := s.Number("rpc"); !ok || n != NumberRPC {
			t.Errorf("rpc is %d, %v", n, ok)
		}
		if n, ok := s.Number("echo"); !ok || n != 17 {
			t.Errorf("echo is %d, %v", n, ok)
		}
		if !s.Feature("echo.more") || s.Feature("echo.less") {
			t.Error("features")
		}
		_, err := Dial(context.Background(), w.url, w.options(), &probe{name: "picky"})
		if !errors.Is(err, status.PermissionDenied) {
			t.Errorf("picky: %v", err)
		}
	},
		func() *probe { return &probe{name: "other"} },
		func() *probe { p := echo(); p.features = []string{"echo.more"}; return p },
		func() *probe { return &probe{name: "rpc"} },
		func() *probe {
			return &probe{name: "picky", refuses: true, opened: func(*Session) error { return status.New(status.PermissionDenied, "", "not you") }}
		})
}

// Server.Close ends everything, and lets nobody in afterwards.
func TestServerClose(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		opts := w.options()
		opts.MinBackoff, opts.MaxBackoff = time.Hour, time.Hour
		c := w.client(opts, &probe{name: "echo"})
		early, told := w.raw(), make(chan struct{}) // in the middle of its handshake
		go func() { defer close(told); early.closed() }()
		if n := len(slices.Collect(w.server.Sessions())); n != 1 {
			t.Errorf("%d sessions", n)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.server.Close(ctx); err != nil {
			t.Fatal(err)
		}
		<-told
		st := until(t, c, func(st State) bool { return st.Phase == Connecting })
		if !errors.Is(st.Err, reasonOf(CloseGoingAway)) {
			t.Errorf("%+v", st)
		}
		if _, err := Dial(ctx, w.url, w.options()); !errors.Is(err, status.Unavailable) {
			t.Errorf("let in: %v", err)
		}
		if w.server.Client(c.ID()) != nil {
			t.Error("still there")
		}
	}, echo)
}

// An idle server connection has one goroutine, also in JSON, and none of net/http's.
func TestGoroutines(t *testing.T) {
	leak.Check(t)
	everywhere(t, nil, func(t *testing.T, w *world) {
		var peers []*rawPeer
		peers = append(peers, w.rawOpen("echo"))
		settle := func(want int) int {
			for range 200 {
				if runtime.NumGoroutine() <= want {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			return runtime.NumGoroutine()
		}
		time.Sleep(10 * time.Millisecond)
		base := runtime.NumGoroutine()
		const n = 50
		for range n {
			p := w.rawOpen("echo")
			p.send(frameOf(16, 1, integer(0), integer(0)))
			p.read()
			peers = append(peers, p)
		}
		if got := settle(base + n); got > base+n {
			t.Errorf("%d goroutines for %d idle connections", got-base, n)
		}
		for _, p := range peers {
			p.conn.Close()
		}
	}, echo)
}

// middleware is a ResponseWriter that offers nothing but Unwrap.
type middleware struct{ inner http.ResponseWriter }

func (m middleware) Header() http.Header         { return m.inner.Header() }
func (m middleware) Write(b []byte) (int, error) { return m.inner.Write(b) }
func (m middleware) WriteHeader(code int)        { m.inner.WriteHeader(code) }
func (m middleware) Unwrap() http.ResponseWriter { return m.inner }

func TestBehindMiddleware(t *testing.T) {
	w := newWorld(t, false, false, nil, echo())
	hs := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.server.ServeHTTP(middleware{middleware{rw}}, r)
	}))
	defer hs.Close()
	p, ch := collector("echo", 1)
	c, err := Dial(context.Background(), "wss"+strings.TrimPrefix(hs.URL, "https"),
		&ClientOptions{TLS: hs.Client().Transport.(*http.Transport).TLSClientConfig, Logger: quiet()}, p)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Session().TrySend(frameOf(16, 1, integer(0), integer(0))); err != nil {
		t.Fatal(err)
	}
	within(t, ch)
}

// Who is let in before the first frame: origins, subprotocols, methods.
func TestUpgrade(t *testing.T) {
	cases := []struct {
		name, origin string
		allowed      []string
		subprotocols []string
		status       int
	}{
		{name: "no origin", subprotocols: []string{SubprotocolMsgpack}, status: 101},
		{name: "same origin", origin: "same", subprotocols: []string{SubprotocolJSON}, status: 101},
		{name: "foreign origin", origin: "https://evil.example", subprotocols: []string{SubprotocolJSON}, status: 403},
		{name: "null origin", origin: "null", subprotocols: []string{SubprotocolJSON}, status: 403},
		{name: "allowed origin", origin: "https://good.example", allowed: []string{"https://good.example"}, subprotocols: []string{SubprotocolJSON}, status: 101},
		{name: "similar origin", origin: "https://good.example.evil.example", allowed: []string{"https://good.example"}, subprotocols: []string{SubprotocolJSON}, status: 403},
		{name: "all origins", origin: "https://evil.example", allowed: []string{"*"}, subprotocols: []string{SubprotocolJSON}, status: 101},
		{name: "no subprotocol", status: 400},
		{name: "another subprotocol", subprotocols: []string{"graphql-ws"}, status: 400},
		{name: "both", subprotocols: []string{"x", SubprotocolJSON, SubprotocolMsgpack}, status: 101},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, true, false, &ServerOptions{AllowedOrigins: c.allowed})
			header := http.Header{}
			if c.origin == "same" {
				header.Set("Origin", "http"+strings.TrimPrefix(w.url, "ws"))
			} else if c.origin != "" {
				header.Set("Origin", c.origin)
			}
			d := websocket.Dialer{Subprotocols: c.subprotocols}
			conn, resp, err := d.Dial(w.url, header)
			if conn != nil {
				defer conn.Close()
			}
			if resp == nil || resp.StatusCode != c.status {
				t.Fatalf("%v, %v", resp, err)
			}
			if c.name == "both" && conn.Subprotocol() != SubprotocolMsgpack {
				t.Fatalf("chose %s", conn.Subprotocol())
			}
		})
	}
	w := newWorld(t, true, false, nil)
	resp, err := http.Get("http" + strings.TrimPrefix(w.url, "ws"))
	if err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Fatalf("plain GET: %v, %v", resp, err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
}

// A WebSocket ping is answered, though never by the reader.
func TestWebSocketPing(t *testing.T) {
	w := newWorld(t, true, false, nil, echo())
	p := w.rawOpen("echo")
	pongs := make(chan string, 10)
	ws := p.conn.(*wsConn).ws
	ws.SetPongHandler(func(s string) error { pongs <- s; return nil })
	go p.conn.Read()
	for i := range 5 {
		want := fmt.Sprint(i)
		ws.WriteControl(websocket.PingMessage, []byte(want), time.Time{})
		if got := within(t, pongs); got != want {
			t.Fatalf("pong %q", got)
		}
	}
	p.conn.Close()
}

// A url that is none fails at once and for good.
func TestBadURL(t *testing.T) {
	for _, url := range []string{"http://localhost", "localhost", "ws://", "://"} {
		if _, err := Dial(context.Background(), url, nil); !errors.Is(err, status.InvalidArgument) {
			t.Errorf("Dial(%q) = %v", url, err)
		}
		c := Connect(url, nil)
		until(t, c, inPhase(Closed))
		c.Close()
	}
	if _, err := Dial(context.Background(), "ws://127.0.0.1:1", nil); !errors.Is(err, status.Unavailable) {
		t.Errorf("Dial = %v", err)
	}
}

// Close from inside a pattern's own calls does not wait for itself.
func TestCloseFromReceive(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		c := w.client(nil, &probe{name: "echo", receive: func(s *Session, f Frame) error {
			s.Close(CloseNormal, "enough")
			return nil
		}})
		s := c.Session()
		if err := s.TrySend(frameOf(16, 1, integer(0), integer(0))); err != nil {
			t.Fatal(err)
		}
		until(t, c, inPhase(Closed))
		<-s.Done()
	}, echo)
}

// Options that contradict themselves are a mistake of the program.
func TestOptionsPanic(t *testing.T) {
	for name, fn := range map[string]func(){
		"negative outbound": func() { NewServer(&ServerOptions{Outbound: -1}) },
		"tiny message":      func() { NewServer(&ServerOptions{MaxMessage: 10}) },
		"same name":         func() { NewServer(nil, echo(), echo()) },
		"no name":           func() { NewServer(nil, &probe{}) },
		"client":            func() { Connect("ws://x", &ClientOptions{MaxFrame: -5}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			fn()
		})
	}
}
