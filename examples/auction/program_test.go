package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/transport"
)

// running is an auction that was started as from the command line.
type running struct {
	url  string
	said bytes.Buffer // whole when stop has returned
	stop func() error
}

// start runs the program on a port of its own.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), in)
		in.Close()
		ended <- err
	}()
	r := &running{}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(<-ended)
	}
	r.url = strings.Fields(first)[1]
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(&r.said, lines)
	}()
	r.stop = func() error {
		cancel()
		err := <-ended
		<-read
		return err
	}
	return r
}

// The program with robots: they open lots and bid, and at its end everything that they were told is in the log; after a restart they go on.
func TestProgram(t *testing.T) {
	leak.Check(t)
	ctx := t.Context()
	data := filepath.Join(t.TempDir(), "auction.db")
	for run := range 2 {
		server := start(t, "-data", data, "-bots", "8", "-rate", "200")
		b := newBidder(&journal{})
		var err error
		b.conn, err = transport.Dial(ctx, "ws"+strings.TrimPrefix(server.url, "http")+"/ws", nil, b.calls, b.topics, b.objects)
		if err != nil {
			t.Fatal(err)
		}
		cards, err := prices.All().Subscribe(ctx, b.topics)
		if err != nil {
			t.Fatal(err)
		}
		bids := map[string]int64{}
		for m, err := range cards.All(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if bids[m.Value.ID] = m.Value.Bids; len(bids) > 3 && m.Value.Bids > 2 {
				break
			}
		}
		b.close()
		if err := server.stop(); err != nil {
			t.Errorf("run %d: %v", run, err)
		}
		said := server.said.String()
		if !strings.Contains(said, "self-check passed") || strings.Contains(said, "; 0 were acknowledged") || !strings.Contains(said, "320000.00 EUR in 8 accounts") {
			t.Errorf("run %d: %s", run, said)
		}
	}
}

func TestPages(t *testing.T) {
	leak.Check(t)
	server := start(t, "-data", filepath.Join(t.TempDir(), "auction.db"), "-bots", "0")
	client := &http.Client{Transport: &http.Transport{}}
	get := func(path, tag string) *http.Response {
		req, _ := http.NewRequest("GET", server.url+path, nil)
		if tag != "" {
			req.Header.Set("If-None-Match", tag)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		return res
	}
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/lot/abc": "text/html; charset=utf-8", "/audit": "text/html; charset=utf-8", "/sell": "text/html; charset=utf-8",
		"/account": "text/html; charset=utf-8", "/static/app.js": "text/javascript; charset=utf-8",
		"/static/style.css": "text/css; charset=utf-8", "/static/icon.svg": "image/svg+xml",
	} {
		res := get(path, "")
		h := res.Header
		if res.StatusCode != 200 || h.Get("Content-Type") != kind || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "script-src 'self';") {
			t.Errorf("%s: %d %v", path, res.StatusCode, h)
		}
		if res := get(path, h.Get("ETag")); res.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %d", path, res.StatusCode)
		}
	}
	for _, path := range []string{"/static/", "/static/none.js", "/main.go", "/lot/", "/api/none"} {
		if res := get(path, ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	for _, path := range []string{"/api/login", "/api/check"} {
		if res := get(path, ""); res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	client.CloseIdleConnections()
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
}

// What is wrong at the start is said at once, and nothing is left behind.
func TestStart(t *testing.T) {
	leak.Check(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "auction.db")
	server := start(t, "-data", data, "-bots", "0")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-addr", strings.TrimPrefix(server.url, "http://"), "-data", filepath.Join(dir, "other.db")}, "is taken"},
		{[]string{"-addr", "127.0.0.1:0", "-data", data}, "is in use"},
		{[]string{"-addr", "127.0.0.1:0", "-data", filepath.Join(dir, "none", "auction.db")}, "cannot open"},
		{[]string{"-addr", "nonsense", "-data", filepath.Join(dir, "other.db")}, "cannot listen"},
		{[]string{"-bots", "-1"}, "-bots is"},
		{[]string{"-bots", "100000"}, "-bots is"},
		{[]string{"-rate", "NaN"}, "-rate is"},
		{[]string{"-rate", "-1"}, "-rate is"},
		{[]string{"x"}, "unexpected argument"},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), test.args, &out); err == nil || !strings.Contains(err.Error(), test.want) || out.Len() > 0 {
			t.Errorf("%q: %v, printed %q", test.args, err, &out)
		}
	}
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
}
