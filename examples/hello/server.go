package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

// server is a whole server on a loopback port, with its store in a temporary folder.
type server struct {
	dir      string
	file     *bolt.Store
	objects  *dstm.Store
	sessions *transport.Server
	http     *http.Server
	addr     string

	mu    sync.Mutex
	count map[string]int
}

func startServer() (_ *server, err error) {
	s := &server{count: map[string]int{}}
	defer func() {
		if err != nil {
			s.stop(context.Background())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "trefoil-hello-"); err != nil {
		return nil, err
	}
	if s.file, err = bolt.Open(filepath.Join(s.dir, "hello.db"), nil); err != nil {
		return nil, err
	}
	log, err := s.file.Log("main")
	if err != nil {
		return nil, err
	}
	s.objects, err = dstm.NewStore(log, &dstm.StoreOptions{Rules: []dstm.Rule{
		{Object: object, Open: dstm.AllowAll, Write: dstm.AllowAll},
	}})
	if err != nil {
		return nil, err
	}
	topics := pubsub.NewHub(&pubsub.HubOptions{Rules: []pubsub.Rule{
		{Topic: "test", Publish: pubsub.AllowAll, Subscribe: pubsub.AllowAll},
	}})
	calls := rpc.NewPeer(nil)
	hello.Handle(calls, func(_ context.Context, name string) (string, error) {
		return "hello " + name, nil
	})
	s.sessions = transport.NewServer(nil, calls, topics, s.objects)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.addr = listener.Addr().String()
	s.http = &http.Server{Handler: s.counting(s.sessions)}
	go s.http.Serve(listener) // ends with stop
	return s, nil
}

// counting counts WebSocket upgrades by the last part of the path, which names the client.
func (s *server) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if websocket.IsWebSocketUpgrade(r) {
			s.mu.Lock()
			s.count[filepath.Base(r.URL.Path)]++
			s.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) upgrades(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[name]
}

func (s *server) url(name string) string { return "ws://" + s.addr + "/" + name }

// stop ends everything in the opposite order of its beginning and removes the store.
func (s *server) stop(ctx context.Context) (err error) {
	keep := func(e error) {
		if err == nil {
			err = e
		}
	}
	if s.http != nil {
		keep(s.http.Close())
	}
	if s.sessions != nil {
		keep(s.sessions.Close(ctx))
	}
	if s.objects != nil {
		keep(s.objects.Close(ctx))
	}
	if s.file != nil {
		keep(s.file.Close())
	}
	if s.dir != "" {
		keep(os.RemoveAll(s.dir))
	}
	return err
}
