package server

import (
	"errors"
	"strings"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/trefoilgo/trefoil/bench/child"
)

// natsServer is nats-server, embedded, without authentication and TLS, with a service on the subject "echo" in the same process. Its
// addresses are those for TCP and for WebSocket.
func natsServer() ([]string, map[string]child.Command, error) {
	s, err := natsd.NewServer(&natsd.Options{
		Host: "127.0.0.1", Port: natsd.RANDOM_PORT, NoLog: true, NoSigs: true,
		Websocket: natsd.WebsocketOpts{Host: "127.0.0.1", Port: natsd.RANDOM_PORT, NoTLS: true},
	})
	if err != nil {
		return nil, nil, err
	}
	go s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		return nil, nil, errors.New("nats-server is not ready")
	}
	// The service is a client of the server, as with NATS it always is; over TCP, as most are: the connection in memory made no difference
	// beyond noise.
	service, err := nats.Connect(s.ClientURL())
	if err != nil {
		return nil, nil, err
	}
	if _, err := service.Subscribe("echo", func(m *nats.Msg) { m.Respond(m.Data) }); err != nil {
		return nil, nil, err
	}
	if err := service.Flush(); err != nil {
		return nil, nil, err
	}
	return []string{strings.TrimPrefix(s.ClientURL(), "nats://"), strings.TrimPrefix(s.WebsocketURL(), "ws://")}, nil, nil
}
