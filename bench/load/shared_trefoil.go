package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/bench/scene"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/transport"
)

// replicas are clients of dstm.
type replicas struct {
	address  string
	scene    *scene.Scene
	json     bool
	clients  []*replica
	messages atomic.Int64
	version  uint64 // that the last change made
}

type replica struct {
	gate       *gate
	connection *transport.Client
	object     dstm.Object
	away       bool
}

// DialReplica prepares replicas with msgpack.
func DialReplica(address string, s *scene.Scene) Shared { return &replicas{address: address, scene: s} }

// DialReplicaJSON prepares replicas with the JSON codec.
func DialReplicaJSON(address string, s *scene.Scene) Shared {
	return &replicas{address: address, scene: s, json: true}
}

func (r *replicas) Join(ctx context.Context) error {
	one := &replica{gate: newGate(&r.messages)}
	objects := dstm.NewClient(nil)
	var err error
	one.connection, err = transport.Dial(ctx, trefoilURL(r.address), &transport.ClientOptions{
		Logger: warnings(), JSON: r.json, Dialer: one.gate, ConnectTimeout: away,
	}, objects)
	if err != nil {
		return err
	}
	r.clients = append(r.clients, one)
	one.object, err = objects.Open(ctx, r.scene.Object)
	return err
}

func (r *replicas) Change(ctx context.Context, c scene.Change) error {
	commit, err := r.clients[c.By].object.Update(ctx, func(tx *dstm.Tx) error { return write(tx, r.scene.Root, c) })
	if err != nil {
		return err
	}
	r.version = commit.Version
	for _, one := range r.clients {
		if one.away {
			continue
		}
		if err := one.object.Wait(ctx, r.version); err != nil {
			return err
		}
	}
	return nil
}

// write makes a change as the examples do: a bid reads the price and replaces it; any other change replaces fields whatever stood there.
func write(tx *dstm.Tx, root string, c scene.Change) error {
	if price, ok := c.Fields[scene.Price].(int); ok {
		var before int
		tx.Lookup(&before, root, c.ID, scene.Price)
		if before >= price {
			return errors.New("somebody bids more")
		}
		for name, value := range c.Fields {
			if name == scene.Bids {
				tx.Add(1, nil, nil, root, c.ID, name)
			} else {
				tx.Set(value, root, c.ID, name)
			}
		}
		return nil
	}
	for name, value := range c.Fields {
		tx.Overwrite(value, root, c.ID, name)
	}
	return nil
}

func (r *replicas) Poll(context.Context) error { return nil }

func (r *replicas) Leave(client int) {
	r.clients[client].away = true
	r.clients[client].gate.close()
}

func (r *replicas) Return(ctx context.Context, client int) error {
	one := r.clients[client]
	if at := one.object.Head().Version; at >= r.version {
		return fmt.Errorf("it was away, and yet has version %d", at)
	}
	one.away = false
	one.gate.open()
	return one.object.Wait(ctx, r.version)
}

func (r *replicas) Doc(client int) (doc scene.Doc, err error) {
	err = r.clients[client].object.View(func(tx *dstm.Tx) error {
		tx.Lookup(&doc, r.scene.Root)
		return nil
	})
	return doc, err
}

func (r *replicas) Messages() int64 { return r.messages.Load() }

func (r *replicas) Close() {
	for _, one := range r.clients {
		one.connection.Close()
	}
}

// gate is a dialer that can be closed: then it cuts the connection, and none can be opened until it is open again. It counts messages.
type gate struct {
	messages *atomic.Int64
	mu       sync.Mutex
	opened   chan struct{}
	conn     transport.Conn
}

func newGate(messages *atomic.Int64) *gate {
	g := &gate{messages: messages, opened: make(chan struct{})}
	g.open()
	return g
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
	g.conn.Close()
}

func (g *gate) Dial(ctx context.Context, url, subprotocol string) (transport.Conn, error) {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	select {
	case <-opened:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	conn, err := new(transport.WebSocketDialer).Dial(ctx, url, subprotocol)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conn = counted{conn, g.messages}
	return g.conn, nil
}

// counted is a connection whose messages are counted, both ways.
type counted struct {
	transport.Conn
	messages *atomic.Int64
}

func (c counted) Read() ([]byte, error) {
	b, err := c.Conn.Read()
	if err == nil {
		c.messages.Add(1)
	}
	return b, err
}

func (c counted) Write(b []byte) error {
	c.messages.Add(1)
	return c.Conn.Write(b)
}
