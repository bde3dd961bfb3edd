package transport

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

// A client beyond MaxSessions is told to come back later; one that takes its own place is not beyond it.
func TestMaxSessions(t *testing.T) {
	bubble(t, &ServerOptions{MaxSessions: 2}, func(t *testing.T, w *world) {
		first, key := w.client(nil), NewKey()
		for range 3 {
			o := w.options()
			o.Key = key
			w.client(o)
		}
		_, err := Dial(context.Background(), "", w.options())
		if !errors.Is(err, reasonOf(CloseOverloaded)) {
			t.Fatalf("a third client: %v", err)
		}
		third := Connect("", w.options())
		defer third.Close()
		synctest.Wait()
		if third.State().Phase == Open {
			t.Fatal("a third client is in")
		}
		first.Close()
		until(t, third, inPhase(Open))
	})
}

// Connections that never say hello are bounded; they make room when their time is up or they go.
func TestMaxHandshakes(t *testing.T) {
	everywhere(t, &ServerOptions{MaxHandshakes: 3, HandshakeTimeout: time.Hour}, func(t *testing.T, w *world) {
		w.client(nil) // has logged in, and does not count
		w.untilHandshakes(0)
		var idle []*rawPeer
		for range 3 {
			idle = append(idle, w.raw())
		}
		w.untilHandshakes(3)
		_, err := w.dialer.Dial(context.Background(), w.url, w.subprotocol())
		if !errors.Is(err, reasonRefused) || !errors.Is(err, status.Unavailable) {
			t.Fatalf("a fourth connection: %v", err)
		}
		if code := status.From(err).Details["status"]; w.url != "" && code != int64(http.StatusServiceUnavailable) {
			t.Errorf("answered %v", code)
		}
		idle[0].conn.Close()
		idle[1].send(helloFrame(nil))
		idle[1].read()
		w.untilHandshakes(1) // the one that is cut needs a moment
		c := Connect(w.url, w.options())
		defer c.Close()
		until(t, c, inPhase(Open))
		w.untilHandshakes(1)
	})
}

// untilHandshakes waits until the server counts n.
func (w *world) untilHandshakes(n int) {
	w.t.Helper()
	for begin := time.Now(); w.server.handshakes() != n; time.Sleep(time.Millisecond) {
		if time.Since(begin) > 20*time.Second {
			w.t.Fatalf("%d handshakes in place of %d", w.server.handshakes(), n)
		}
	}
}

func (s *Server) handshakes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.greeting
}

// However a handshake ends it no longer counts.
func TestHandshakesEnd(t *testing.T) {
	bubble(t, &ServerOptions{HandshakeTimeout: time.Second}, func(t *testing.T, w *world) {
		w.raw()
		w.raw().sendBytes([]byte{0xc1})
		w.raw().send(helloFrame(func(h *hello) { h.version = 2 }))
		w.raw().send(frameOf(0, 3, integer(0), integer(0)))
		w.raw().send(helloFrame(nil))
		w.raw().conn.Close()
		time.Sleep(10 * time.Second)
		if n := w.server.handshakes(); n != 0 {
			t.Errorf("%d handshakes", n)
		}
	})
}

// An Authenticate that ignores its context holds up the client only so long.
func TestAuthenticateHangs(t *testing.T) {
	stuck := make(chan chan struct{}, 1)
	opts := &ServerOptions{HandshakeTimeout: time.Second, Authenticate: func(context.Context, *Hello) (Identity, error) {
		<-<-stuck
		return Identity{}, nil
	}}
	bubble(t, opts, func(t *testing.T, w *world) {
		release := make(chan struct{})
		stuck <- release
		p := w.raw()
		p.send(helloFrame(nil))
		p.wantClose(CloseOverloaded)
		time.Sleep(time.Minute)
		if n := w.server.handshakes(); n != 1 {
			t.Errorf("%d handshakes: a goroutine that is stuck must count", n)
		}
		close(release)
		synctest.Wait()
		if n := w.server.handshakes(); n != 0 {
			t.Errorf("%d handshakes", n)
		}
	})
}

// The welcome goes ahead of anything else, also of a goaway that Drain sends at that moment.
func TestDrainDuringWelcome(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		drained := make(chan error, 1)
		w.server.patterns[0].(*probe).opened = func(s *Session) error {
			s.open.Store(true) // as it is a moment later
			go func() { drained <- w.server.Drain(context.Background(), time.Hour) }()
			synctest.Wait()
			return nil
		}
		p := w.raw()
		p.send(helloFrame(func(h *hello) { h.patterns = []string{"echo"} }))
		msg := p.read()
		if p.json {
			first, _, _ := strings.Cut(string(msg), "\n")
			msg, _ = codec.FromJSON(nil, []byte(first))
		}
		if h, ok := readHeader(msg); !ok || h.kind != kindWelcome {
			t.Errorf("the first frame is %x", msg)
		}
		p.conn.Close()
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

func TestOrigin(t *testing.T) {
	cases := []struct {
		host, origin string
		allowed      []string
		want         bool
	}{
		{"example.org", "", nil, true},
		{"example.org", "https://example.org", nil, true},
		{"example.org", "http://example.org", nil, true},
		{"Example.ORG", "https://exAmple.org", nil, true},
		{"example.org:443", "https://example.org", nil, true},
		{"example.org", "https://example.org:443", nil, true},
		{"example.org:80", "https://example.org", nil, false},
		{"example.org:443", "http://example.org", nil, false},
		{"example.org:8443", "https://example.org", nil, false},
		{"example.org:8443", "https://example.org:8443", nil, true},
		{"example.org", "https://example.org:8443", nil, false},
		{"example.org", "https://example.org.evil.org", nil, false},
		{"example.org", "https://evil.org/example.org", nil, false},
		{"example.org", "https://example.org@evil.org", nil, false},
		{"example.org", "https://sub.example.org", nil, false},
		{"[::1]:8080", "http://[::1]:8080", nil, true},
		{"[::1]", "http://[::1]", nil, true},
		{"[::1]:8080", "http://[::1]:8081", nil, false},
		{"[::2]", "http://[::1]", nil, false},
		{"localhost", "capacitor://localhost", nil, false},
		{"localhost", "capacitor://localhost", []string{"capacitor://localhost"}, true},
		{"null", "null", nil, false},
		{"example.org", "null", []string{"null"}, true},
		{"", "https://", nil, false},
		{"example.org", "://", nil, false},
		{"example.org", "https://other.org", []string{"https://other.org"}, true},
		{"example.org", "https://OTHER.org", []string{"https://other.org"}, true},
		{"example.org", "https://other.org:444", []string{"https://other.org"}, false},
		{"example.org", "http://other.org", []string{"https://other.org"}, false},
		{"example.org", "https://evil.org", []string{"*"}, true},
	}
	for _, tc := range cases {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = tc.host
		r.Header.Set("X-Forwarded-Host", "evil.org")
		r.Header.Set("Forwarded", "host=evil.org")
		if tc.origin != "" {
			r.Header.Set("Origin", tc.origin)
		}
		if got := originAllowed(r, tc.allowed); got != tc.want {
			t.Errorf("host %q, origin %q, allowed %q: %v", tc.host, tc.origin, tc.allowed, got)
		}
	}
	for _, bad := range []string{"", "example.org", "https://example.org/", "https://example.org/path", "https://*.example.org?", "//example.org", "https://a@b"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was taken", bad)
				}
			}()
			checkedOrigins([]string{bad})
		}()
	}
}

// A malformed error is seen in what is read and in what is read behind it.
func TestReadError(t *testing.T) {
	good := status.New(status.Aborted, "x.y", "text").WithDetail("n", int64(1)).MaybeDone()
	r := codec.NewReader(append(AppendError(nil, good), 7), 2)
	if e := ReadError(&r); e.Code != status.Aborted || e.Reason != "x.y" || e.Message != "text" || !e.Unknown || e.Details["n"] != int64(1) {
		t.Errorf("%+v", e)
	}
	if n := r.Int(); n != 7 || r.Err() != nil {
		t.Errorf("behind it %d, %v", n, r.Err())
	}
	for _, tc := range []struct {
		json string
		code status.Code // 0: malformed
	}{
		{`[5,"r","m"]`, status.NotFound},
		{`[5,"r","m",null]`, status.NotFound},
		{`[5,"r","m",null,null]`, status.NotFound},
		{`[5,"r","m",{},true,"more"]`, status.NotFound},
		{`[99,"r","m"]`, status.Unknown},
		{`[0,"r","m"]`, status.Unknown},
		{`7`, 0}, {`{}`, 0}, {`[]`, 0}, {`[5]`, 0}, {`[5,"r"]`, 0}, {`["5","r","m"]`, 0}, {`[5,6,"m"]`, 0}, {`[5,"r",6]`, 0},
		{`[5,"r","m",[]]`, 0}, {`[5,"r","m",7,true]`, 0}, {`[5,"r","m",{},1]`, 0}, {`[5,"r","m",null,"true"]`, 0},
	} {
		raw, err := codec.FromJSON(nil, []byte(tc.json))
		if err != nil {
			t.Fatal(err)
		}
		r := codec.NewReader(append(raw, 7), 2)
		e := ReadError(&r)
		if bad := tc.code == 0; bad != (r.Err() != nil) || bad != (e.Reason == "transport.bad_error") || !bad && e.Code != tc.code {
			t.Errorf("%s: %v, reader %v", tc.json, e, r.Err())
		}
		if n := r.Int(); (n == 7) != (tc.code != 0) {
			t.Errorf("%s: behind it %d", tc.json, n)
		}
	}
}

// A frame that a peer takes in msgpack may be beyond its limits in JSON; it is counted without the LF.
func TestLimitInJSON(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		p, ch := collector("echo", 10)
		o := w.options()
		o.MaxFrame, o.MaxPartial = 30_000, 30_000
		w.client(o, p)
		var s *Session
		for s = range w.server.Sessions() {
		}
		for _, n := range []int{1, 20_000, 30_000} {
			f := frameOf(16, 1, integer(1), text(strings.Repeat("x", max(0, n-len(`[16,1,1,""]`)))))
			if err := s.TrySend(f); err != nil {
				t.Errorf("a frame of %d: %v", n, err)
				continue
			}
			within(t, ch)
		}
		f := frameOf(16, 1, integer(1), codec.AppendBytes(nil, make([]byte, 25_000))) // base64 is longer by a third
		shared := NewShared(f)
		if err := s.TrySend(f); (err == nil) == w.json || w.json && !errors.Is(err, ErrFrameTooLarge) {
			t.Errorf("TrySend: %v", err)
		}
		if err := s.TrySendShared(shared); (err == nil) == w.json || w.json && !errors.Is(err, ErrFrameTooLarge) {
			t.Errorf("TrySendShared: %v", err)
		}
		if s.Err() != nil {
			t.Errorf("the session ended: %v", s.Err())
		}
	}, echo)
}

// Broadcast to sessions that are ending tells of each, and harms none of the others.
func TestBroadcastToClosing(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		p, ch := collector("echo", 1)
		live := w.client(nil, p)
		gone := w.client(nil, &probe{name: "echo"})
		list := []*Session{w.server.Client(gone.ID()), w.server.Client(live.ID())}
		list[0].Close(CloseKicked, "")
		var refused []error
		Broadcast(list, NewShared(frameOf(16, 1, integer(1), text("x"))), func(s *Session, err error) {
			if s != list[0] {
				t.Errorf("refused by the live one: %v", err)
			}
			refused = append(refused, err)
		})
		within(t, ch)
		if len(refused) != 1 || !errors.Is(refused[0], ErrClosed) || !errors.Is(refused[0], reasonOf(CloseKicked)) {
			t.Errorf("refused: %v", refused)
		}
	}, echo)
}
