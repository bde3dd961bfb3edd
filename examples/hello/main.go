// Command hello plays the three patterns with one server and three clients over real loopback
// WebSockets, each client over a single one, and prints what happens. Whatever deviates from
// the script ends it with exit code 1.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx, os.Stdout, hooks{}); err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
}

// script is what must happen, in this order.
var script = []string{
	`rpc: hello("world") -> "hello world"`,
	`pubsub: A received "hey" on "test"`,
	`pubsub: B received "hey" on "test"`,
	`dstm: B set hello = "world" (version 1)`,
	`dstm: A set hello = "code camp" rejected: conflict at hello`,
	`dstm: A synchronised to version 1, hello = "world"`,
	`dstm: A set hello = "code camp" (version 2)`,
	`upgrades: A 1, B 1, C 1`,
}

// hooks let tests disturb the play.
type hooks struct {
	// beforeDSTM runs before the third scene.
	beforeDSTM func(a *client) error
}

// stage prints what happens and compares it with the script.
type stage struct {
	out  io.Writer
	next int
}

// say prints a line and fails if it is not the next one of the script.
func (s *stage) say(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	fmt.Fprintln(s.out, line)
	if s.next >= len(script) || line != script[s.next] {
		return fmt.Errorf("line %d deviates from the script", s.next+1)
	}
	s.next++
	return nil
}

func run(ctx context.Context, out io.Writer, h hooks) (err error) {
	server, err := startServer()
	if err != nil {
		return err
	}
	defer func() {
		if e := server.stop(ctx); err == nil {
			err = e
		}
	}()

	clients := map[string]*client{}
	for _, name := range []string{"A", "B", "C"} {
		c, err := dial(ctx, server.url(name))
		if err != nil {
			return fmt.Errorf("client %s: %w", name, err)
		}
		defer c.conn.Close()
		clients[name] = c
	}
	a, b, c := clients["A"], clients["B"], clients["C"]

	s := &stage{out: out}
	if err := playRPC(ctx, s, a); err != nil {
		return err
	}
	if err := playPubSub(ctx, s, a, b, c); err != nil {
		return err
	}
	if h.beforeDSTM != nil {
		if err := h.beforeDSTM(a); err != nil {
			return err
		}
	}
	if err := playDSTM(ctx, s, a, b); err != nil {
		return err
	}
	if err := s.say("upgrades: A %d, B %d, C %d", server.upgrades("A"), server.upgrades("B"), server.upgrades("C")); err != nil {
		return err
	}
	if s.next != len(script) {
		return fmt.Errorf("the script has %d lines, %d were played", len(script), s.next)
	}
	return nil
}
