package rpc

import (
	"github.com/trefoilgo/trefoil/transport"
)

// Caller is whom a [Method] can call: a client's [Peer], which calls the server, and what [Peer.Client] returns on a
// server. No other type implements it.
type Caller interface {
	// target is the peer that sends, and the client that it sends to, zero for the server.
	target() (*Peer, transport.ID)
}

func (p *Peer) target() (*Peer, transport.ID) { return p, transport.ID{} }

// Client returns the Caller of one client, on a server. The client need not be connected, and may reconnect: each call goes to the
// session that it has at that time, on this node.
func (p *Peer) Client(id transport.ID) Caller { return client{p, id} }

type client struct {
	peer *Peer
	id   transport.ID
}

func (c client) target() (*Peer, transport.ID) { return c.peer, c.id }
