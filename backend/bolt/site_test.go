package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
	"github.com/trefoilgo/trefoil/transport"
)

// site is a server whose store lies in a file, and which can be stopped and started again on that file or another.
type site struct {
	t      *testing.T
	ctx    context.Context
	opts   dstm.StoreOptions
	wrap   func(dstm.Log) dstm.Log // what stands between the store and its log; nil: nothing
	file   *bolt.Store
	log    dstm.Log // nil while the site is stopped
	store  *dstm.Store
	server *transport.Server
}

func newSite(t *testing.T, opts dstm.StoreOptions) *site {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	if opts.Rules == nil {
		opts.Rules = []dstm.Rule{{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll, History: dstm.AllowAll}}
	}
	opts.Logger = quiet()
	s := &site{t: t, ctx: ctx, opts: opts}
	t.Cleanup(s.stop)
	return s
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "store") }

// start opens the file at path and serves what is in it.
func (s *site) start(path string) {
	s.t.Helper()
	var err error
	if s.file, err = bolt.Open(path, nil); err != nil {
		s.t.Fatal(err)
	}
	if s.log, err = s.file.Log("main"); err != nil {
		s.t.Fatal(err)
	}
	if s.wrap != nil {
		s.log = s.wrap(s.log)
	}
	if s.store, err = dstm.NewStore(s.log, &s.opts); err != nil {
		s.file.Close()
		s.log = nil
		s.t.Fatal(err)
	}
	s.server = transport.NewServer(&transport.ServerOptions{Logger: quiet()}, s.store)
}

// stop ends the server and closes the file.
func (s *site) stop() {
	if s.log == nil {
		return
	}
	s.server.Close(s.ctx)
	s.store.Close(s.ctx)
	if err := errors.Join(s.log.Close(), s.file.Close()); err != nil {
		s.t.Error(err)
	}
	s.file, s.log, s.store, s.server = nil, nil, nil, nil
}

// entries are all that the log holds, which must not have been truncated.
func (s *site) entries() []dstm.Entry {
	s.t.Helper()
	entries, err := dstmtest.Entries(s.ctx, s.log, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return entries
}

// check has a recorder judge the log as it is.
func (s *site) check(r *dstmtest.Recorder) {
	s.t.Helper()
	if err := r.CheckEntries(s.entries()); err != nil {
		s.t.Error(err)
	}
}

// object opens an object of the store itself.
func (s *site) object(name string) dstm.Object {
	s.t.Helper()
	o, err := s.store.Open(s.ctx, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// copyFile copies a file that nobody has open.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// guest is one client.
type guest struct {
	*dstm.Client
	site *site
	conn *transport.Client
	line *line
}

func (s *site) guest() *guest {
	s.t.Helper()
	g := &guest{Client: dstm.NewClient(nil), site: s, line: &line{to: s.server.Pipe()}}
	conn, err := transport.Dial(s.ctx, "pipe:", &transport.ClientOptions{
		Dialer: g.line, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond, Logger: quiet(),
	}, g.Client)
	if err != nil {
		s.t.Fatal(err)
	}
	g.conn = conn
	s.t.Cleanup(func() {
		g.Client.Close()
		g.line.cut()
		conn.Close()
	})
	return g
}

func (g *guest) open(name string) dstm.Object {
	g.site.t.Helper()
	o, err := g.Open(g.site.ctx, name)
	if err != nil {
		g.site.t.Fatal(err)
	}
	return o
}

// leave cuts the line and returns when the client knows.
func (g *guest) leave() {
	g.line.cut()
	for s := range g.conn.States(g.site.ctx) {
		if s.Phase != transport.Open {
			return
		}
	}
}

// back lets the client find the server that is there now.
func (g *guest) back() { g.line.connect(g.site.server.Pipe()) }

// settle returns when a client holds an object as it was at the store at some moment of the call.
func (s *site) settle(o dstm.Object) {
	s.t.Helper()
	_, err := o.Update(s.ctx, func(tx *dstm.Tx) error { tx.Read(); return nil }, dstm.Strict())
	if err != nil {
		s.t.Fatal(err)
	}
}

// same checks that a client holds objects, which nobody changes, as the store does.
func (s *site) same(r *dstmtest.Recorder, objects ...dstm.Object) {
	s.t.Helper()
	for _, o := range objects {
		s.settle(o)
		mine := s.object(o.Name())
		if have, want := o.Head(), mine.Head(); have != want {
			s.t.Errorf("a client holds %q at %+v, the store at %+v", o.Name(), have, want)
		}
		if have, want := valueOf(s.t, o), valueOf(s.t, mine); !bytes.Equal(have, want) {
			s.t.Errorf("a client holds %q as %x, the store as %x", o.Name(), have, want)
		}
		if err := r.See(o); err != nil {
			s.t.Error(err)
		}
		mine.Close()
	}
}

// valueOf is all of an object, encoded.
func valueOf(t *testing.T, o dstm.Object) (value []byte) {
	t.Helper()
	if err := o.View(func(tx *dstm.Tx) error { value = tx.Read(); return nil }); err != nil {
		t.Fatal(err)
	}
	return value
}

// until polls for what nothing tells of.
func (s *site) until(reached func() bool) {
	s.t.Helper()
	for !reached() {
		if s.ctx.Err() != nil {
			s.t.Fatal("it does not come to that")
		}
		time.Sleep(time.Millisecond)
	}
}
