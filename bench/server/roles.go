// Package server holds the servers in Go that are measured, each in a process of its own: Trefoil, references with
// gorilla/websocket and nothing else, and peers.
package server

import (
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/trefoilgo/trefoil/bench/child"
)

// DirVariable names the folder in which a durable role keeps its files.
const DirVariable = "TREFOIL_BENCH_DIR"

// Roles are the servers by name.
var Roles = map[string]child.Role{
	"trefoil":         trefoil,
	"trefoil-durable": trefoilDurable,
	"browser":         browser,
	"commits":         commits,
	"fdatasync":       fdatasync,
	"raw-echo":        rawEcho,
	"batch-echo":      batchEcho,
	"raw-tcp":         rawTCP,
	"prepared":        prepared,
	"framed":          framed,
	"http-json":       httpJSON,
	"http-polling":    httpPolling,
	"json-doc":        jsonDoc,
	"grpc":            grpcEcho,
	"connect":         connectEcho,
	"nats":            natsServer,
}

// listen opens a free port on the loopback.
func listen() (net.Listener, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	return l, l.Addr().String(), nil
}

// serveHTTP serves h on a free port, in the background.
func serveHTTP(h http.Handler) ([]string, map[string]child.Command, error) {
	l, address, err := listen()
	if err != nil {
		return nil, nil, err
	}
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	go must(func() error { return server.Serve(l) })
	return []string{address}, nil, nil
}

// must ends the process when what runs in the background fails: a server that is only half there must not be measured.
func must(run func() error) {
	if err := run(); err != nil && !errors.Is(err, net.ErrClosed) {
		log.Fatal(err)
	}
}

// quiet logs warnings and worse: they reach whoever started the process if it ends badly.
func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
