package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/scene"
)

// What a WebSocket of jsonDoc is sent of each change: Whole, the document; Item, the changed item with all its fields; Parts, the changed fields.
const (
	Whole = "whole"
	Item  = "item"
	Parts = "parts"
)

// document is a document in memory, and who wants to be told of its changes. A message is written to all under mu, so all get all changes in one order.
type document struct {
	mu       sync.Mutex
	doc      scene.Doc
	version  int
	text     []byte // of that version; nil if nobody has asked yet
	packed   []byte // text with gzip, likewise
	watchers map[*websocket.Conn]string
}

// jsonDoc is what one writes without a framework: a document that is fetched and changed with JSON over HTTP/1.1, or over a WebSocket that is
// told of changes. It keeps no history: who comes back gets the whole document.
func jsonDoc() ([]string, map[string]child.Command, error) {
	d := &document{watchers: map[*websocket.Conn]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /doc", func(w http.ResponseWriter, r *http.Request) { d.get(w, r, false) })
	mux.HandleFunc("GET /tagged", func(w http.ResponseWriter, r *http.Request) { d.get(w, r, true) })
	mux.HandleFunc("POST /change", d.post)
	mux.HandleFunc("GET /ws/{mode}", d.watch)
	addresses, _, err := serveHTTP(mux)
	return addresses, map[string]child.Command{"scene": func(argument string) (string, error) {
		s, err := scene.Parse(argument)
		if err != nil {
			return "", err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.doc = s.Doc
		return "", nil
	}}, err
}

// get answers with the whole document, or with 304 if who asks has that version.
func (d *document) get(w http.ResponseWriter, r *http.Request, tagged bool) {
	packed := r.Header.Get("Accept-Encoding") == "gzip"
	d.mu.Lock()
	text, err := d.body(packed)
	tag := `"` + strconv.Itoa(d.version) + `"`
	d.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if tagged {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	if packed {
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Write(text)
}

// body is the document's text. The caller holds mu.
func (d *document) body(packed bool) ([]byte, error) {
	var err error
	if d.text == nil {
		if d.text, err = d.doc.JSON(); err != nil {
			return nil, err
		}
	}
	if !packed {
		return d.text, nil
	}
	if d.packed == nil {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(d.text)
		if err := z.Close(); err != nil {
			return nil, err
		}
		d.packed = b.Bytes()
	}
	return d.packed, nil
}

func (d *document) post(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err == nil {
		err = d.change(text)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// change makes a change and tells it to all watchers, its author among them: that is the answer.
func (d *document) change(text []byte) error {
	var c scene.Change
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.doc.Apply(c); err != nil {
		return err
	}
	d.version++
	d.text, d.packed = nil, nil
	for ws, mode := range d.watchers {
		told, err := d.tell(mode, c, text)
		if err != nil {
			return err
		}
		if ws.WriteMessage(websocket.TextMessage, told) != nil {
			delete(d.watchers, ws)
		}
	}
	return nil
}

// tell is what a watcher is told of a change. The caller holds mu.
func (d *document) tell(mode string, c scene.Change, text []byte) ([]byte, error) {
	switch mode {
	case Whole:
		return d.body(false)
	case Item:
		return json.Marshal(scene.Change{ID: c.ID, Fields: d.doc[c.ID]})
	}
	return text, nil
}

// watch sends the document and then its changes, and makes those that come.
func (d *document) watch(w http.ResponseWriter, r *http.Request) {
	var upgrader websocket.Upgrader
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	d.mu.Lock()
	text, err := d.body(false)
	if err == nil {
		err = ws.WriteMessage(websocket.TextMessage, text)
	}
	if err == nil {
		d.watchers[ws] = r.PathValue("mode")
	}
	d.mu.Unlock()
	for err == nil {
		if _, text, err = ws.ReadMessage(); err == nil {
			err = d.change(text)
		}
	}
	d.mu.Lock()
	delete(d.watchers, ws)
	d.mu.Unlock()
}
