package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// childVar has the test binary be the auction in place of testing it. Its value is how long a lot
// has at least when the house opens, and after a late bid.
const childVar = "AUCTION_CHILD"

func childMain() bool {
	grace, err := time.ParseDuration(os.Getenv(childVar))
	if err != nil {
		return false
	}
	tuneMemory()
	how := usualTerms()
	how.shortest, how.grace, how.extension = time.Second, grace, grace
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := runOn(ctx, os.Args[1:], os.Stdout, how); err != nil {
		fmt.Println("auction:", err)
		os.Exit(1)
	}
	return true
}

// child is an auction in a process of its own.
type child struct {
	t     *testing.T
	args  []string
	grace time.Duration
	addr  string
	key   string

	cmd   *exec.Cmd
	ended chan struct{} // closed when all that it printed was read
	mu    sync.Mutex
	lines []string
	spent time.Duration // of processor time, by those that have ended
}

// startChild starts one on a port of its own, which it keeps when it is started again.
func startChild(t *testing.T, data string, grace time.Duration) *child {
	c := &child{t: t, args: []string{"-data", data, "-bots", "0"}, grace: grace, addr: "127.0.0.1:0"}
	c.start()
	t.Cleanup(func() { c.kill() })
	return c
}

func (c *child) start() {
	c.t.Helper()
	program, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	c.cmd = exec.Command(program, append([]string{"-addr", c.addr}, c.args...)...)
	c.cmd.Env = append(os.Environ(), childVar+"="+c.grace.String())
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.lines, c.ended = nil, make(chan struct{})
	ready := make(chan struct{})
	go c.read(out, ready)
	<-ready
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lines) < 2 || !strings.HasPrefix(c.lines[0], "auction ") {
		c.t.Fatalf("the auction does not start: %q", c.lines)
	}
	c.addr = strings.Replace(strings.TrimPrefix(strings.Fields(c.lines[0])[1], "http://"), "localhost", "127.0.0.1", 1)
	_, c.key, _ = strings.Cut(c.lines[1], "?key=")
}

// read gathers what the process prints; ready is closed when it has said where it is, or has ended.
func (c *child) read(out io.Reader, ready chan struct{}) {
	defer close(c.ended)
	open := true
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		c.mu.Lock()
		c.lines = append(c.lines, lines.Text())
		n := len(c.lines)
		c.mu.Unlock()
		if n == 2 {
			close(ready)
			open = false
		}
	}
	if open {
		close(ready)
	}
}

// kill ends the process as kill -9 does, if it still runs.
func (c *child) kill() {
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Kill()
	<-c.ended
	_ = c.cmd.Wait()
	c.gone()
}

// gone notes that the process has ended.
func (c *child) gone() {
	if state := c.cmd.ProcessState; state != nil {
		c.spent += state.UserTime() + state.SystemTime()
	}
	c.cmd = nil
}

// stop ends the process by SIGTERM, and returns what it printed. Its exit code must be 0.
func (c *child) stop() string {
	c.t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
	<-c.ended
	err := c.cmd.Wait()
	c.gone()
	said := strings.Join(c.lines, "\n")
	if err != nil {
		c.t.Errorf("the auction ended with %v:\n%s", err, said)
	}
	return said
}

func (c *child) url() string { return "ws://" + c.addr + "/ws" }
