package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// running is a whiteboard that was started as from the command line.
type running struct {
	url  string
	stop func() error
}

// start runs the program on a port of its own.
func start(t *testing.T, data string) running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-addr", "127.0.0.1:0", "-data", data}, in)
		in.Close()
	}()
	line := make([]byte, 256)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(<-ended)
	}
	go io.Copy(io.Discard, out)
	url := strings.Fields(string(line[:n]))[1]
	return running{url: url, stop: func() error {
		cancel()
		return <-ended
	}}
}

// page is what a browser's page is to the server.
type page struct {
	conn    *transport.Client
	calls   *rpc.Peer
	topics  *pubsub.Client
	objects *dstm.Client
}

func (r running) page(t *testing.T) *page {
	t.Helper()
	p := &page{calls: rpc.NewPeer(nil), topics: pubsub.NewClient(nil), objects: dstm.NewClient(nil)}
	var err error
	p.conn, err = transport.Dial(t.Context(), "ws"+strings.TrimPrefix(r.url, "http")+"/ws", nil, p.calls, p.topics, p.objects)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestBoardsAreKept(t *testing.T) {
	leak.Check(t)
	ctx := t.Context()
	data := filepath.Join(t.TempDir(), "board.db")
	server := start(t, data)
	p := server.page(t)
	made, err := createBoard.Call(ctx, p.calls, NewName{Name: " Plans\n for  May "})
	if err != nil || made.Name != "Plans for May" {
		t.Fatalf("create: %v, %v", made, err)
	}
	board, err := p.objects.Open(ctx, "board/"+made.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = board.Update(ctx, func(tx *dstm.Tx) error {
		tx.Set(map[string]any{"kind": "rect", "x": 1}, "shapes", "a")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := renameBoard.Call(ctx, p.calls, NewName{ID: made.ID, Name: "Plans"}); err != nil {
		t.Fatal(err)
	}
	p.conn.Close()
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}

	server = start(t, data)
	p = server.page(t)
	all, err := listBoards.Call(ctx, p.calls, struct{}{})
	if err != nil || len(all) != 2 || all[0].Name != "Plans" || all[0].ID != made.ID || all[1].Name != "First board" {
		t.Errorf("list: %v, %v", all, err)
	}
	board, err = p.objects.Open(ctx, "board/"+made.ID)
	if err != nil {
		t.Fatal(err)
	}
	board.View(func(tx *dstm.Tx) error {
		if !tx.Exists("shapes", "a", "x") {
			t.Error("the shape is gone")
		}
		return nil
	})
	p.conn.Close()
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	leak.Check(t)
	ctx := t.Context()
	server := start(t, filepath.Join(t.TempDir(), "board.db"))
	p := server.page(t)
	for _, name := range []string{"", " \n\t", strings.Repeat("ä", maxName+1)} {
		if _, err := createBoard.Call(ctx, p.calls, NewName{Name: name}); status.CodeOf(err) != status.InvalidArgument {
			t.Errorf("create %q: %v", name, err)
		}
	}
	for id, want := range map[string]status.Code{"nothing": status.NotFound, "": status.InvalidArgument, "../b": status.InvalidArgument, strings.Repeat("a", 65): status.InvalidArgument} {
		if _, err := findBoard.Call(ctx, p.calls, id); status.CodeOf(err) != want {
			t.Errorf("find %q: %v", id, err)
		}
		if _, err := renameBoard.Call(ctx, p.calls, NewName{ID: id, Name: "x"}); status.CodeOf(err) != want {
			t.Errorf("rename %q: %v", id, err)
		}
	}
	if _, err := p.objects.Open(ctx, "boards"); !errors.Is(err, dstm.ErrDenied) {
		t.Errorf("the list as an object: %v", err)
	}
	if _, err := listChanged.At().Publish(ctx, p.topics, "x"); !errors.Is(err, pubsub.ErrDenied) {
		t.Errorf("a page says that the list has changed: %v", err)
	}
	p.conn.Close()
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestWhoIsHere(t *testing.T) {
	leak.Check(t)
	ctx := t.Context()
	server := start(t, filepath.Join(t.TempDir(), "board.db"))
	a, b := server.page(t), server.page(t)
	all, err := listBoards.Call(ctx, a.calls, struct{}{})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	id := all[0].ID
	heard, err := cursors.At(id).Subscribe(ctx, a.topics)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cursors.At(id).Publish(ctx, b.topics, map[string]any{"name": "Heron", "x": 3}); err != nil {
		t.Fatal(err)
	}
	for m, err := range heard.All(ctx) {
		if err != nil || m.From != b.conn.ID() {
			t.Errorf("heard %v, %v", m, err)
		}
		break
	}
	if board, err := findBoard.Call(ctx, b.calls, id); err != nil || board.People != 1 {
		t.Errorf("find: %v, %v", board, err)
	}
	heard.Close()
	a.conn.Close()
	b.conn.Close()
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestPages(t *testing.T) {
	leak.Check(t)
	server := start(t, filepath.Join(t.TempDir(), "board.db"))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/b/abc": "text/html; charset=utf-8", "/static/app.js": "text/javascript; charset=utf-8",
		"/static/style.css": "text/css; charset=utf-8", "/static/icon.svg": "image/svg+xml",
		"/static/icon-192.png": "image/png", "/static/whiteboard.webmanifest": "application/manifest+json", "/sw.js": "text/javascript; charset=utf-8",
	} {
		res, err := client.Get(server.url + path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		h := res.Header
		if res.StatusCode != 200 || h.Get("Content-Type") != kind || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "script-src 'self';") {
			t.Errorf("%s: %d %v", path, res.StatusCode, h)
		}
		again, _ := http.NewRequest("GET", server.url+path, nil)
		again.Header.Set("If-None-Match", h.Get("ETag"))
		if res, err = client.Do(again); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %d", path, res.StatusCode)
		}
	}
	for _, path := range []string{"/static/", "/static/none.js", "/static/sw.js", "/boards.go", "/b/"} {
		res, err := client.Get(server.url + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	client.CloseIdleConnections()
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
}

// The worker keeps all that the page needs.
func TestWorker(t *testing.T) {
	leak.Check(t)
	server := start(t, filepath.Join(t.TempDir(), "board.db"))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(server.url + "/sw.js")
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(res.Body)
	res.Body.Close()
	head, _, _ := strings.Cut(string(content), "\n")
	for _, name := range []string{`"/"`, `"/static/app.js"`, `"/static/style.css"`, `"/static/icon.svg"`, `"/static/whiteboard.webmanifest"`} {
		if err != nil || !strings.Contains(head, name) {
			t.Errorf("%s is not kept: %s, %v", name, head, err)
		}
	}
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
}

// What is taken is said at once, and nothing is left behind.
func TestTaken(t *testing.T) {
	leak.Check(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "board.db")
	server := start(t, data)
	for _, test := range []struct{ addr, data, want string }{
		{strings.TrimPrefix(server.url, "http://"), filepath.Join(dir, "other.db"), "is taken"},
		{"127.0.0.1:0", data, "is in use"},
		{"127.0.0.1:0", filepath.Join(dir, "none", "board.db"), "cannot open"},
		{"nonsense", data, "cannot listen"},
	} {
		began := time.Now()
		var out bytes.Buffer
		err := run(t.Context(), []string{"-addr", test.addr, "-data", test.data}, &out)
		if err == nil || !strings.Contains(err.Error(), test.want) || out.Len() > 0 {
			t.Errorf("%s, %s: %v, printed %q", test.addr, test.data, err, &out)
		}
		t.Logf("%v after %v", err, time.Since(began))
	}
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
}
