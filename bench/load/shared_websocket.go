package load

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/bench/scene"
	"github.com/trefoilgo/trefoil/bench/server"
)

// watchers are clients of server "json-doc" over WebSockets that are told of changes.
type watchers struct {
	address, mode string
	clients       []*watcher
	messages      atomic.Int64
}

type watcher struct {
	ws   *websocket.Conn
	away bool
	told chan struct{} // one for each change
	err  error         // when told is closed

	mu   sync.Mutex
	doc  scene.Doc
	text []byte // the whole document, if that is what comes
}

// DialWhole prepares clients that are sent the whole document on each change.
func DialWhole(address string, _ *scene.Scene) Shared {
	return &watchers{address: address, mode: server.Whole}
}

// DialItem prepares clients that send, and are sent, the changed item with all its fields.
func DialItem(address string, _ *scene.Scene) Shared {
	return &watchers{address: address, mode: server.Item}
}

// DialParts prepares clients that send, and are sent, the changed fields.
func DialParts(address string, _ *scene.Scene) Shared {
	return &watchers{address: address, mode: server.Parts}
}

func (w *watchers) Join(ctx context.Context) error {
	one, err := w.dial(ctx)
	if err == nil {
		w.clients = append(w.clients, one)
	}
	return err
}

func (w *watchers) dial(ctx context.Context) (*watcher, error) {
	ws, _, err := new(websocket.Dialer).DialContext(ctx, "ws://"+w.address+"/ws/"+w.mode, nil)
	if err != nil {
		return nil, err
	}
	_, text, err := ws.ReadMessage()
	one := &watcher{ws: ws, text: text, told: make(chan struct{}, 16)}
	if err == nil {
		err = json.Unmarshal(text, &one.doc)
	}
	if err != nil {
		ws.Close()
		return nil, err
	}
	w.messages.Add(1)
	go one.read(w)
	return one, nil
}

func (o *watcher) read(w *watchers) {
	defer close(o.told)
	for o.err == nil {
		_, text, err := o.ws.ReadMessage()
		if err == nil {
			w.messages.Add(1)
			err = o.take(w.mode, text)
		}
		if err != nil {
			o.err = err
			return
		}
		o.told <- struct{}{}
	}
}

func (o *watcher) take(mode string, text []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if mode == server.Whole {
		o.text = text
		return nil
	}
	var c scene.Change
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	return o.doc.Apply(c)
}

func (w *watchers) Change(ctx context.Context, c scene.Change) error {
	one := w.clients[c.By]
	if w.mode == server.Item {
		// With all its fields, as this client has them.
		one.mu.Lock()
		doc := scene.Doc{c.ID: one.doc[c.ID]}.Copy()
		one.mu.Unlock()
		if err := doc.Apply(c); err != nil {
			return err
		}
		c.Fields = doc[c.ID]
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	w.messages.Add(1)
	if err := one.ws.WriteMessage(websocket.TextMessage, text); err != nil {
		return err
	}
	for i, one := range w.clients {
		if one.away {
			continue
		}
		select {
		case _, ok := <-one.told:
			if !ok {
				return fmt.Errorf("client %d: %w", i, one.err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (w *watchers) Poll(context.Context) error { return nil }

func (w *watchers) Leave(client int) {
	one := w.clients[client]
	one.away = true
	one.ws.Close()
	for range one.told { // until it has ended
	}
}

func (w *watchers) Return(ctx context.Context, client int) error {
	one, err := w.dial(ctx)
	if err == nil {
		w.clients[client] = one
	}
	return err
}

func (w *watchers) Doc(client int) (scene.Doc, error) {
	one := w.clients[client]
	one.mu.Lock()
	defer one.mu.Unlock()
	if w.mode != server.Whole {
		return one.doc, nil
	}
	var doc scene.Doc
	return doc, json.Unmarshal(one.text, &doc)
}

func (w *watchers) Messages() int64 { return w.messages.Load() }

func (w *watchers) Close() {
	for i := range w.clients {
		w.Leave(i)
	}
}
