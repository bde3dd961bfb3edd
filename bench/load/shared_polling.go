package load

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/bench/scene"
)

// pollers are clients of server "json-doc" that ask for the document now and then.
type pollers struct {
	url            string
	tagged, packed bool
	clients        []*poller
	messages       atomic.Int64
}

type poller struct {
	http   http.Client
	text   []byte
	packed bool // text is with gzip
	tag    string
}

// DialPoll prepares clients that fetch the document.
func DialPoll(address string, _ *scene.Scene) Shared { return &pollers{url: "http://" + address} }

// DialTagged prepares clients that fetch the document unless they have its version already (ETag, 304).
func DialTagged(address string, _ *scene.Scene) Shared {
	return &pollers{url: "http://" + address, tagged: true}
}

// DialPacked prepares clients as those of DialTagged, with gzip.
func DialPacked(address string, _ *scene.Scene) Shared {
	return &pollers{url: "http://" + address, tagged: true, packed: true}
}

func (p *pollers) Join(ctx context.Context) error {
	one := &poller{http: http.Client{Transport: &http.Transport{DisableCompression: true, MaxConnsPerHost: 1}}}
	p.clients = append(p.clients, one)
	return p.get(ctx, one)
}

// get asks for the document.
func (p *pollers) get(ctx context.Context, one *poller) error {
	path := "/doc"
	if p.tagged {
		path = "/tagged"
	}
	request, err := http.NewRequestWithContext(ctx, "GET", p.url+path, nil)
	if err != nil {
		return err
	}
	if p.packed {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	if one.tag != "" {
		request.Header.Set("If-None-Match", one.tag)
	}
	answer, text, err := p.do(one, request)
	if err != nil {
		return err
	}
	switch answer.StatusCode {
	case http.StatusOK:
		one.text, one.tag, one.packed = text, answer.Header.Get("ETag"), answer.Header.Get("Content-Encoding") == "gzip"
	case http.StatusNotModified:
	default:
		return fmt.Errorf("GET %s: %s", path, answer.Status)
	}
	return nil
}

func (p *pollers) do(one *poller, request *http.Request) (*http.Response, []byte, error) {
	p.messages.Add(2)
	answer, err := one.http.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer, text, err
}

func (p *pollers) Change(ctx context.Context, c scene.Change) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, "POST", p.url+"/change", bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, _, err := p.do(p.clients[c.By], request)
	if err == nil && answer.StatusCode != http.StatusNoContent {
		err = fmt.Errorf("POST /change: %s", answer.Status)
	}
	return err
}

func (p *pollers) Poll(ctx context.Context) error {
	return shared(len(p.clients), func(i int) error { return p.get(ctx, p.clients[i]) })
}

func (p *pollers) Leave(client int) { p.clients[client].http.CloseIdleConnections() }

func (p *pollers) Return(ctx context.Context, client int) error {
	return p.get(ctx, p.clients[client])
}

func (p *pollers) Doc(client int) (doc scene.Doc, err error) {
	one := p.clients[client]
	text := one.text
	if one.packed {
		z, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		if text, err = io.ReadAll(z); err != nil {
			return nil, err
		}
	}
	return doc, json.Unmarshal(text, &doc)
}

func (p *pollers) Messages() int64 { return p.messages.Load() }

func (p *pollers) Close() {
	for _, one := range p.clients {
		one.http.CloseIdleConnections()
	}
}
