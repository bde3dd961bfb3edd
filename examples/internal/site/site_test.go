package site

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// served is what a page of those files answers at a path.
func served(files fstest.MapFS, path string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	Pages(mux, files, "/{$}", "/b/{id}")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

func pageOf(app string) fstest.MapFS {
	return fstest.MapFS{
		"static/index.html": {Data: []byte("<p>page")}, "static/app.js": {Data: []byte(app)}, "static/sw.js": {Data: []byte("run()")},
	}
}

func TestPages(t *testing.T) {
	files := pageOf("one")
	for path, want := range map[string]string{"/": "<p>page", "/b/x": "<p>page", "/static/app.js": "one", "/static/index.html": "<p>page"} {
		w := served(files, path)
		if w.Code != http.StatusOK || w.Body.String() != want || w.Header().Get("Content-Security-Policy") != policy {
			t.Errorf("%s: %d %q %v", path, w.Code, w.Body, w.Header())
		}
	}
	for _, path := range []string{"/static/sw.js", "/static/", "/none", "/b/"} {
		if w := served(files, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	delete(files, "static/sw.js")
	if w := served(files, "/sw.js"); w.Code != http.StatusNotFound {
		t.Errorf("a worker that is not there: %d", w.Code)
	}
}

// The worker names a version that a change of any file changes, and keeps all files but itself.
func TestWorker(t *testing.T) {
	files := pageOf("one")
	first := served(files, "/sw.js")
	head, work, _ := strings.Cut(first.Body.String(), "\n")
	if !strings.HasPrefix(head, `const VERSION = "`) || !strings.HasSuffix(head, `, FILES = ["/","/static/app.js"];`) || work != "run()" {
		t.Errorf("the worker: %s\n%s", head, work)
	}
	if kind := first.Header().Get("Content-Type"); kind != "text/javascript; charset=utf-8" {
		t.Errorf("the worker is %q", kind)
	}
	for name, content := range files {
		was := content.Data
		content.Data = append(was[:len(was):len(was)], ' ')
		if next := served(files, "/sw.js").Body.String(); strings.HasPrefix(next, head) {
			t.Errorf("a change of %s is no new version", name)
		}
		content.Data = was
	}
	if again := served(files, "/sw.js").Body.String(); again != first.Body.String() {
		t.Error("the version has changed by itself")
	}
}

func TestAddresses(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:80": "http://localhost:80", "0.0.0.0:81": "http://localhost:81", "[::]:82": "http://localhost:82", "192.0.2.1:83": "http://192.0.2.1:83", "[2001:db8::1]:84": "http://[2001:db8::1]:84",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		a := AddressesOf(tcp)
		if a.Here != want || !strings.HasSuffix(want, ":"+a.Port) || len(a.Net) > 0 && !tcp.IP.IsUnspecified() {
			t.Errorf("%s: %+v", addr, a)
		}
	}
}

func TestServe(t *testing.T) {
	leak.Check(t)
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if _, err := Listen(addr); err == nil || !strings.Contains(err.Error(), "is taken") {
		t.Errorf("twice: %v", err)
	}
	s := Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "here") }))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "here" {
		t.Errorf("answer: %q, %v", body, err)
	}
	res.Body.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx); err != nil {
		t.Errorf("asked to end: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Wait(t.Context()); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestParse(t *testing.T) {
	flags := flag.NewFlagSet("x", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	n := flags.Int("n", 1, "")
	if err := Parse(flags, []string{"-n", "2"}); err != nil || *n != 2 {
		t.Errorf("%d, %v", *n, err)
	}
	if err := Parse(flags, []string{"y"}); err == nil || !strings.Contains(err.Error(), `unexpected argument "y"`) {
		t.Errorf("an argument: %v", err)
	}
	if err := Parse(flags, []string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help: %v", err)
	}
}

func TestExplain(t *testing.T) {
	locked := Explain("house", "x.db", bolt.ErrLocked)
	if text := locked.Error(); !strings.Contains(text, "x.db is in use by another program, perhaps another house") {
		t.Error(text)
	}
	if err := Explain("house", "x.db", io.ErrUnexpectedEOF); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "cannot open x.db") {
		t.Error(err)
	}
}
