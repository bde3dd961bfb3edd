package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/trefoilgo/trefoil/bench/server"
)

// httpEcho calls over HTTP/1.1, where a connection carries one call at a time: so there are as many connections as calls in flight.
type httpEcho struct {
	url         string
	connections int
	transport   *http.Transport
	client      *http.Client
	poll        bool
}

// DialJSON prepares calls with JSON bodies.
func DialJSON(ctx context.Context, address string, connections int) (Echo, error) {
	return newHTTPEcho(address, connections, false), nil
}

// DialPolling prepares calls whose results are polled for.
func DialPolling(ctx context.Context, address string, connections int) (Echo, error) {
	return newHTTPEcho(address, connections, true), nil
}

func newHTTPEcho(address string, connections int, poll bool) *httpEcho {
	t := &http.Transport{MaxIdleConns: 1 << 16, MaxIdleConnsPerHost: 1 << 16, DisableCompression: true}
	return &httpEcho{"http://" + address, connections, t, &http.Client{Transport: t}, poll}
}

func (h *httpEcho) Close() { h.transport.CloseIdleConnections() }

func (h *httpEcho) Run(flight, size int, until time.Time, m *Meter) error {
	call := h.call
	if h.poll {
		call = h.polled
	}
	return callers(h.connections, flight, size, until, m, func(_ int, in []byte) ([]byte, error) { return call(in) })
}

func (h *httpEcho) call(in []byte) ([]byte, error) {
	var body server.Body
	if _, err := h.do("POST", "/echo", server.Body{Payload: string(in)}, &body); err != nil {
		return nil, err
	}
	return []byte(body.Payload), nil
}

func (h *httpEcho) polled(in []byte) ([]byte, error) {
	var ticket int64
	if _, err := h.do("POST", "/call", server.Body{Payload: string(in)}, &ticket); err != nil {
		return nil, err
	}
	for {
		var body server.Body
		status, err := h.do("GET", fmt.Sprintf("/result/%d", ticket), nil, &body)
		if err == nil {
			return []byte(body.Payload), nil
		}
		if status != http.StatusNotFound {
			return nil, err
		}
	}
}

// do makes one request; into gets the answer's body.
func (h *httpEcho) do(method, path string, body, into any) (status int, err error) {
	return h.doContext(context.Background(), method, path, body, into)
}

func (h *httpEcho) doContext(ctx context.Context, method, path string, body, into any) (status int, err error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, h.url+path, reader)
	if err != nil {
		return 0, err
	}
	answer, err := h.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body) // to its end, so that the connection is used again
	if err != nil {
		return 0, err
	}
	if answer.StatusCode/100 != 2 {
		return answer.StatusCode, fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	if into != nil {
		err = json.Unmarshal(text, into)
	}
	return answer.StatusCode, err
}
