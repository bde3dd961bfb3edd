package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/status"
)

// WebSocketDialer opens WebSockets. Proxies are taken from the environment, as
// net/http does.
type WebSocketDialer struct {
	// Header is sent with the upgrade request: cookies, for instance.
	Header http.Header
	// TLS configures wss connections; nil uses the defaults.
	TLS *tls.Config
	// DialContext opens the network connection; default that of a net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Dial opens a WebSocket to a url that begins with ws:// or wss://. A url of another
// form is invalid_argument, for which a [Client] does not try again; an answer other than the upgrade is
// unavailable with the HTTP status in the detail "status".
func (d *WebSocketDialer) Dial(ctx context.Context, rawURL, subprotocol string) (Conn, error) {
	if u, err := url.Parse(rawURL); err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.Host == "" {
		return nil, status.New(status.InvalidArgument, "transport.bad_url", "a url begins with ws:// or wss://").Because(err)
	}
	var t *tap
	open := d.DialContext
	if open == nil {
		open = new(net.Dialer).DialContext
	}
	dialer := &websocket.Dialer{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: d.TLS,
		ReadBufferSize:  8 << 10,   // gorilla offers no way to lend it one
		WriteBufferSize: batchSize, // or gorilla would split larger messages
		WriteBufferPool: &writeBuffers,
		Subprotocols:    []string{subprotocol},
		NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := open(ctx, network, address)
			if err != nil {
				return nil, err
			}
			t = newTap(conn)
			return t, nil
		},
	}
	ws, resp, err := dialer.DialContext(ctx, rawURL, d.Header)
	if err != nil {
		e := status.New(status.Unavailable, reasonRefused, "the server cannot be reached")
		if resp != nil {
			e = status.New(status.Unavailable, reasonRefused, "the server answered %s", resp.Status).
				WithDetail("status", int64(resp.StatusCode))
		}
		return nil, e.Because(err)
	}
	if ws.Subprotocol() != subprotocol {
		ws.Close()
		return nil, status.New(status.Unavailable, reasonRefused, "the server does not speak %s", subprotocol)
	}
	ws.NetConn().SetDeadline(time.Time{})
	return newWSConn(ws, t, true), nil
}
