package main

import (
	"context"
	"net"
	"sync"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// connKey is the context key of a request's network connection.
type connKey struct{}

func keepConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// wires are the network connections of the clients, to be cut.
type wires struct {
	mu    sync.Mutex
	conns map[transport.ID]net.Conn
}

func newWires() *wires { return &wires{conns: make(map[transport.ID]net.Conn)} }

// authenticate lets in everybody but a client with the token "wrong", as the user that the token names.
func (w *wires) authenticate(_ context.Context, h *transport.Hello) (transport.Identity, error) {
	user, _ := h.Credentials[""]["token"].(string)
	if user == "wrong" {
		return transport.Identity{}, status.New(status.Unauthenticated, "", "wrong token")
	}
	if conn, ok := h.Request.Context().Value(connKey{}).(net.Conn); ok {
		w.mu.Lock()
		w.conns[h.Client] = conn
		w.mu.Unlock()
	}
	return transport.Identity{User: user}, nil
}

// cut breaks a client's connection as a failing network does: nothing is said.
func (w *wires) cut(client transport.ID) {
	w.mu.Lock()
	conn := w.conns[client]
	delete(w.conns, client)
	w.mu.Unlock()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	if conn != nil {
		_ = conn.Close()
	}
}
