package rig

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
	"github.com/trefoilgo/trefoil/transport"
)

// The program runs itself again as the server: these variables say so.
const (
	serveFile = "TREFOIL_VERIFY_FILE"
	serveAddr = "TREFOIL_VERIFY_ADDR"
	// PointVariable names a point at which the server process kills itself, and after how many passages: "NAME:3".
	PointVariable = "TREFOIL_VERIFY_POINT"
)

// Serving runs the server and ends the process, if this is a server process. Programs and tests that use [Process] begin with it.
func Serving() {
	file := os.Getenv(serveFile)
	if file == "" {
		return
	}
	if err := serve(file, os.Getenv(serveAddr)); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

// serve is a server with its store in file; it says "ready" and its address, and ends only by a signal.
func serve(file, addr string) error {
	armPoint()
	store, err := bolt.Open(file, nil)
	if err != nil {
		return err
	}
	log, err := store.Log("main")
	if err != nil {
		return err
	}
	objects, err := dstm.NewStore(log, StoreOptions())
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println("ready", listener.Addr())
	return http.Serve(listener, transport.NewServer(&transport.ServerOptions{Logger: quiet()}, objects))
}

// StoreOptions are those of a server process.
func StoreOptions() *dstm.StoreOptions {
	return &dstm.StoreOptions{
		Rules: ServerRules(),
		// Small enough that kills meet checkpoints and truncations too, but not what came since the last kill.
		CheckpointEntries: 100, Recent: 4 << 20, Logger: quiet(),
	}
}

// Process is a server process and the file that outlives it. It is started again after each kill, on the same port.
type Process struct {
	folder string
	// File is the store's file. It may be touched while the process is down.
	File string

	mu      sync.Mutex
	wrap    []string // a command that runs the process
	addr    string
	cmd     *exec.Cmd
	ended   chan struct{}
	entries []dstm.Entry // of the log, as far as it was read after kills
	// Truncated says that the log was found truncated.
	Truncated bool
}

// startProcess starts a server on a new file.
func startProcess(ctx context.Context) (*Process, error) {
	folder, err := os.MkdirTemp("", "trefoil-verify-")
	if err != nil {
		return nil, err
	}
	p := &Process{folder: folder, File: filepath.Join(folder, "store"), addr: "127.0.0.1:0"}
	if err := p.Start(ctx); err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	return p, nil
}

// Start starts the process and returns when it listens. env is added to its environment.
func (p *Process) Start(ctx context.Context, env ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	command := append(append([]string{}, p.wrap...), self)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(append(os.Environ(), serveFile+"="+p.File, serveAddr+"="+p.addr), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.ended = cmd, make(chan struct{})
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		killGroup(cmd)
		cmd.Wait()
		p.cmd = nil
		return fmt.Errorf("the server did not start: %w", err)
	}
	if _, err := fmt.Sscanf(line, "ready %s", &p.addr); err != nil {
		return fmt.Errorf("the server said %q", strings.TrimSpace(line))
	}
	go func(ended chan struct{}) {
		cmd.Wait() // its error is the kill
		close(ended)
	}(p.ended)
	return nil
}

// Wrap has a command run the process from the next start on; none runs it as it is.
func (p *Process) Wrap(command ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrap = command
}

// Ended is closed when the process that runs now has ended.
func (p *Process) Ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// Kill ends the process with SIGKILL, if it has not ended yet.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		killGroup(p.cmd)
		<-p.ended
		p.cmd = nil
	}
}

// Restart reads what the ended process has left and starts it again.
func (p *Process) Restart(ctx context.Context, env ...string) error {
	p.Kill()
	if err := p.Archive(ctx); err != nil {
		return err
	}
	return p.Start(ctx, env...)
}

// Entries are those of the log from its first, as far as they were put by. They are read-only.
func (p *Process) Entries() []dstm.Entry { return p.entries }

// Forget drops the entries behind position that were put by: the file is an older one now.
func (p *Process) Forget(position dstm.Position) { p.entries = p.entries[:position] }

// Archive puts the entries by that came since the last time; the process must be down.
func (p *Process) Archive(ctx context.Context) error {
	store, err := bolt.Open(p.File, nil)
	if err != nil {
		return err
	}
	defer store.Close()
	log, err := store.Log("main")
	if err != nil {
		return err
	}
	entries, err := dstmtest.Entries(ctx, log, dstm.Position(len(p.entries)))
	if err != nil {
		return fmt.Errorf("reading the log behind %d: %w", len(p.entries), err)
	}
	for i := range entries {
		entries[i].Data = bytes.Clone(entries[i].Data) // it lives longer than the file
	}
	p.entries = append(p.entries, entries...)
	for _, err := range log.Read(ctx, 0) {
		p.Truncated = p.Truncated || errors.Is(err, dstm.ErrTruncated)
		break
	}
	return nil
}

func (p *Process) dialer() transport.Dialer { return &transport.WebSocketDialer{} }

func (p *Process) url() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return "ws://" + p.addr
}

func (p *Process) hurt(ctx context.Context, _ *rand.Rand) error { return p.Restart(ctx) }

func (p *Process) end(ctx context.Context) ([]dstm.Entry, error) {
	defer os.RemoveAll(p.folder)
	p.Kill()
	if err := p.Archive(ctx); err != nil {
		return nil, err
	}
	return p.entries, nil
}
