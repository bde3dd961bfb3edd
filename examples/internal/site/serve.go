package site

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// CloseTimeout bounds how long a program that ends waits for what it has begun.
const CloseTimeout = 5 * time.Second

// Server is a web server that runs.
type Server struct {
	web    *http.Server
	failed chan error
}

// Serve begins to serve on listener, which is the server's from now on.
func Serve(listener net.Listener, handler http.Handler) *Server {
	s := &Server{failed: make(chan error, 1), web: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}}
	go func() { s.failed <- s.web.Serve(listener) }()
	return s
}

// Wait waits until ctx is done, and returns an error if the server fails before.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case err := <-s.failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// Shutdown takes no more requests, and waits for those that are being answered. WebSockets are not among them: the sessions are closed on their own.
func (s *Server) Shutdown(ctx context.Context) error { return s.web.Shutdown(ctx) }
