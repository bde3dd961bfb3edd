package cases

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/load"
	"github.com/trefoilgo/trefoil/bench/server"
)

// ours is Trefoil's name in all cases.
const ours = "trefoil"

// The peers. Their servers run on the loopback without TLS, one process each.
var (
	trefoil = peer{ours, "msgpack over WebSocket at its defaults, but 256 calls and 2,000 subscriptions a session; callers are goroutines that wait; topics without history; objects in memory",
		inRole("trefoil", 0)}
	trefoilDurable = peer{ours, "as above, objects on backend/bolt at its defaults; each client has an object of its own", inRole("trefoil-durable", 0)}
	rawEcho        = peer{"raw echo", "gorilla/websocket with the library's defaults, ReadMessage and WriteMessage, one message a request; the client is one goroutine a connection that sends a request for each answer",
		inRole("raw-echo", 0)}
	rawCallers = peer{"raw echo, callers", "the same server; the client's callers are goroutines that wait, as ours are", inRole("raw-echo", 0)}
	batchEcho  = peer{"batching echo", "gorilla/websocket, all requests that came together in one message, msgpack envelope, pooled buffers of 64 KiB, NextReader; client as for raw echo", inRole("batch-echo", 0)}
	rawTCP     = peer{"raw TCP", "length and payload, all requests that came together answered with one write; client as for raw echo", inRole("raw-tcp", 0)}
	prepared   = peer{"prepared message", "gorilla/websocket, PreparedMessage, a queue and a goroutine a subscriber, the queue written with one system call", inRole("prepared", 0)}
	framed     = peer{"framed once", "gorilla/websocket for the handshake; all messages that wait are framed once as one message, one worker a core writes it to all connections", inRole("framed", 0)}
	httpJSON   = peer{"net/http JSON", "HTTP/1.1, connections kept: as many as calls in flight, since each carries one at a time; encoding/json", inRole("http-json", 0)}
	polling    = peer{"HTTP polling", "as net/http JSON; a call is a POST that returns a ticket and GETs until the result is there; messages by GETs that the server holds until there are some",
		inRole("http-polling", 0)}
	grpcGo  = peer{"gRPC-go", "unary, protobuf BytesValue, defaults", inRole("grpc", 0)}
	connect = peer{"connect-go", "unary, Connect protocol, protobuf BytesValue, HTTP/2 without TLS by net/http, no compression, otherwise defaults", inRole("connect", 0)}
	natsTCP = peer{"NATS TCP", "nats-server embedded, defaults; requests go to a service that is a client of it in the same process, over TCP; server CPU is that of both", inRole("nats", 0)}
	natsWS  = peer{"NATS WebSocket", "as NATS TCP, clients over WebSocket without compression", inRole("nats", 1)}

	socketIO = peer{"Socket.IO", "Node, WebSocket only, no compression, strings; the client is Go, one goroutine a connection", inNode("socket.io")}
	engineIO = peer{"Engine.IO", "Node, WebSocket only, no compression, strings; client as for Socket.IO", inNode("engine.io")}
	redis    = peer{"Redis", "a script with two GETs and a SET; appendonly yes, appendfsync always, no snapshots", startRedis}
	etcd     = peer{"etcd", "embedded in a process of its own, one member, defaults; a transaction of two comparisons and a put; its clients, each with a connection of its own, in another process", startEtcd}

	commitsInside = peer{ours, "a store on backend/bolt at its defaults in the process of the callers, each on an object of its own", inRole("commits", -1)}
	fdatasync     = peer{"fdatasync", "callers whose blocks of 4 KiB one goroutine appends to a file, one fdatasync for all that wait", inRole("fdatasync", -1)}
)

// inRole starts this program in a role; address says which of its addresses is the peer's, -1 that it has none.
func inRole(role string, address int) func(context.Context, *Env, spec) (*target, error) {
	return func(ctx context.Context, env *Env, s spec) (*target, error) {
		t := &target{}
		var err error
		if t.folder, err = env.folder(); err != nil {
			return nil, err
		}
		t.process, err = child.Start(ctx, child.Spec{
			Role: role, Wrap: s.wrap, Profile: env.profile(s.label),
			Env: []string{server.DirVariable + "=" + t.folder},
		})
		if err == nil && address >= 0 {
			err = t.reach(t.process.Addresses[address])
		}
		if err != nil {
			t.stop()
			return nil, err
		}
		return t, nil
	}
}

// inNode starts a server of peers/node.
func inNode(name string) func(context.Context, *Env, spec) (*target, error) {
	return func(ctx context.Context, env *Env, _ spec) (*target, error) {
		node, err := need("node")
		if err != nil {
			return nil, err
		}
		home := filepath.Join(env.Home, "peers", "node")
		if err := installNode(ctx, env, home); err != nil {
			return nil, err
		}
		p, err := child.Start(ctx, child.Spec{Command: []string{node, "--expose-gc", "server.mjs", name}, Dir: home})
		if err != nil {
			return nil, err
		}
		t := &target{process: p}
		return t, t.reach(p.Addresses[0])
	}
}

// installNode installs what peers/node depends on, unless it is there.
func installNode(ctx context.Context, env *Env, home string) error {
	return installPackages(ctx, env, home, "socket.io")
}

// installPackages installs what the package in home depends on, unless name, which is among that, is there.
func installPackages(ctx context.Context, env *Env, home, name string) error {
	if _, err := os.Stat(filepath.Join(home, "node_modules", name)); err == nil {
		return nil
	}
	npm, err := need("npm")
	if err != nil {
		return err
	}
	env.Log("npm ci in peers/%s", filepath.Base(home))
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, npm, "ci", "--no-audit", "--no-fund")
	c.Dir = home
	if out, err := c.CombinedOutput(); err != nil {
		return missing("npm ci failed: " + lastLine(out))
	}
	return nil
}

// startRedis starts redis-server, as Debian and others call it.
func startRedis(ctx context.Context, env *Env, s spec) (*target, error) {
	program, err := need("redis-server")
	if err != nil {
		return nil, err
	}
	t := &target{}
	if t.folder, err = env.folder(); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close() // Redis cannot choose a port itself
	if err := t.reach(address); err != nil {
		return nil, err
	}
	t.process, err = child.Start(ctx, child.Spec{
		Command: []string{program, "--bind", "127.0.0.1", "--port", fmt.Sprint(t.port), "--dir", t.folder, "--daemonize", "no",
			"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--auto-aof-rewrite-percentage", "0"},
		Dir: t.folder, Wrap: s.wrap, Silent: true,
		Listening: func(ctx context.Context) error {
			return until(ctx, func() error { return load.RedisAnswers(ctx, address) })
		},
	})
	if err != nil {
		t.stop()
		return nil, err
	}
	t.stopping = func() { load.StopRedis(context.Background(), address) }
	return t, nil
}

// until repeats what a server that is about to listen cannot answer yet.
func until(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// startEtcd builds the module peers/etcd and starts its server and its load.
func startEtcd(ctx context.Context, env *Env, s spec) (*target, error) {
	program, err := buildEtcd(ctx, env)
	if err != nil {
		return nil, err
	}
	t := &target{}
	if t.folder, err = env.folder(); err != nil {
		return nil, err
	}
	t.process, err = child.Start(ctx, child.Spec{
		Role: "server", Command: []string{program}, Wrap: s.wrap, Env: []string{server.DirVariable + "=" + t.folder},
	})
	if err == nil {
		err = t.reach(t.process.Addresses[0])
	}
	if err == nil {
		t.load, err = child.Start(ctx, child.Spec{Role: "load", Command: []string{program}, Env: []string{"TREFOIL_BENCH_ADDRESS=" + t.address}})
	}
	if err != nil {
		t.stop()
		return nil, err
	}
	return t, nil
}

func buildEtcd(ctx context.Context, env *Env) (string, error) {
	program := filepath.Join(env.Temp, "etcd-peer")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	env.Log("building peers/etcd")
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	c.Dir = filepath.Join(env.Home, "peers", "etcd")
	if out, err := c.CombinedOutput(); err != nil {
		return "", missing("it cannot be built: " + lastLine(out))
	}
	return program, nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
