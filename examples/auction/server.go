package main

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/examples/internal/site"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

//go:embed static
var static embed.FS

// server is the house in one file, and the patterns that show it to pages.
type server struct {
	file     *bolt.Store
	log      dstm.Log
	objects  *dstm.Store
	topics   *pubsub.Hub
	house    *house
	books    *books
	sessions *transport.Server
	key      string // the auctioneer's
	journal  journal
	checking sync.Mutex
}

// open opens the house in the file called data.
func open(data string, how terms) (_ *server, err error) {
	s := &server{key: strings.ToLower(rand.Text()[:20])}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.Background()))
		}
	}()
	if s.file, err = bolt.Open(data, nil); err != nil {
		return s, site.Explain("auction", data, err)
	}
	if s.log, err = s.file.Log("main"); err != nil {
		return s, site.Explain("auction", data, err)
	}
	clk := newClock(how.wall(), 0) // until the house says how late it is
	var mu sync.Mutex
	s.objects, err = dstm.NewStore(s.log, &dstm.StoreOptions{
		Rules: objectRules(), Invariant: lawful,
		KeepBytes: math.MaxInt, // an audit begins with the first entry
		Clock: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return clk.time()
		},
	})
	if err != nil {
		return s, site.Explain("auction", data, err)
	}
	s.topics = pubsub.NewHub(&pubsub.HubOptions{Rules: topicRules()})
	if s.house, err = openHouse(s.objects, s.topics, how); err != nil {
		return s, site.Explain("auction", data, err)
	}
	mu.Lock()
	clk = s.house.clock
	mu.Unlock()
	s.books = newBooks(s.house, s.log)
	calls := rpc.NewPeer(nil)
	s.house.handle(calls)
	s.handleAudit(calls)
	s.sessions = transport.NewServer(&transport.ServerOptions{Authenticate: s.house.authenticate}, calls, s.topics, s.objects)
	return s, nil
}

// hush ends all sessions, so that nothing new comes, and lets the clerks finish.
func (s *server) hush(ctx context.Context) error {
	if s.sessions == nil {
		return nil
	}
	return s.sessions.Close(ctx)
}

// close ends everything in the opposite order of its beginning.
func (s *server) close(ctx context.Context) error {
	errs := []error{s.hush(ctx)}
	if s.house != nil {
		errs = append(errs, s.house.close())
	}
	if s.topics != nil {
		errs = append(errs, s.topics.Close())
	}
	if s.objects != nil {
		errs = append(errs, s.objects.Close(ctx))
	}
	if s.file != nil {
		errs = append(errs, s.file.Close())
	}
	return errors.Join(errs...)
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/ws", s.sessions)
	mux.HandleFunc("POST /api/login", s.login)
	s.routes(mux)
	site.Pages(mux, static, "/{$}", "/lot/{id}", "/account", "/audit", "/sell") // one page
	// Another site's page may not log people in or run checks: requests that a browser marks as from elsewhere are refused.
	return http.NewCrossOriginProtection().Handler(mux)
}
