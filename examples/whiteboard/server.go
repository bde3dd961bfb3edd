package main

import (
	"context"
	"embed"
	"errors"
	"net/http"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/examples/internal/site"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

//go:embed static
var static embed.FS

// server is the boards in one file, and the patterns that show them to pages.
type server struct {
	file     *bolt.Store
	objects  *dstm.Store
	topics   *pubsub.Hub
	boards   *boards
	sessions *transport.Server
}

// open opens the boards in the file called data.
func open(data string) (_ *server, err error) {
	s := &server{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.Background()))
		}
	}()
	if s.file, err = bolt.Open(data, nil); err != nil {
		return s, site.Explain("whiteboard", data, err)
	}
	log, err := s.file.Log("main")
	if err != nil {
		return s, site.Explain("whiteboard", data, err)
	}
	s.objects, err = dstm.NewStore(log, &dstm.StoreOptions{Rules: []dstm.Rule{
		// A board is open to everyone who knows its address. The list of boards has no rule: clients reach it by calls only.
		{Object: "board/*", Open: dstm.AllowAll, Write: dstm.AllowAll},
		{Object: "votes/*", Open: dstm.AllowAll, Write: ownVotes, Invariant: fairVotes},
	}})
	if err != nil {
		return s, site.Explain("whiteboard", data, err)
	}
	s.topics = pubsub.NewHub(&pubsub.HubOptions{Rules: []pubsub.Rule{
		// Cursors are of the moment: no history. Who is subscribed is who is here.
		{Topic: "cursors.*", Publish: pubsub.AllowAll, Subscribe: pubsub.AllowAll, Members: true},
		// Only the server says that the list of boards has changed.
		{Topic: listChanged.At().Topic(), Subscribe: pubsub.AllowAll},
	}})
	calls := rpc.NewPeer(nil)
	if s.boards, err = openBoards(s.objects, s.topics); err != nil {
		return s, site.Explain("whiteboard", data, err)
	}
	s.boards.handle(calls)
	s.sessions = transport.NewServer(nil, calls, s.topics, s.objects) // pages of its own origin only
	return s, nil
}

// close ends everything in the opposite order of its beginning.
func (s *server) close(ctx context.Context) error {
	var errs []error
	if s.sessions != nil {
		errs = append(errs, s.sessions.Close(ctx))
	}
	if s.boards != nil {
		errs = append(errs, s.boards.close())
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
	site.Pages(mux, static, "/{$}", "/b/{id}") // the page is the same for all boards
	return mux
}
