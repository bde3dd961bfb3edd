package dstm

import (
	"context"
	"errors"
	"testing"

	"github.com/trefoilgo/trefoil/status"
)

// TestWhoWaitsForSteadinessIsWoken by whatever may end the wait.
func TestWhoWaitsForSteadinessIsWoken(t *testing.T) {
	gone := status.New(status.Unavailable, "", "gone")
	for name, end := range map[string]func(*Client){
		"finish": func(c *Client) { c.Finish(gone) },
		"close":  func(c *Client) { c.Close() },
		"one of them": func(c *Client) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.end(c.replicas["a"], gone)
		},
		"released": func(c *Client) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.release(c.replicas["a"])
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewClient(nil)
			c.mu.Lock()
			for _, name := range []string{"a", "b"} {
				c.share(name).users++
			}
			steady := c.whenSteady([]string{"a", "b"})
			c.mu.Unlock()
			select {
			case <-steady:
				t.Fatal("objects that are not open are steady")
			default:
			}
			end(c)
			<-steady
		})
	}
}

// TestAskingWithoutAConnectionToCome fails at once, and with ctx before it comes.
func TestAskingWithoutAConnectionToCome(t *testing.T) {
	c := NewClient(nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.stateAt(ctx, "a", 1); !errors.Is(err, status.Canceled) {
		t.Fatal(err)
	}
	c.Finish(status.New(status.Unavailable, "", "gone"))
	if _, err := c.stateAt(context.Background(), "a", 1); !errors.Is(err, status.Unavailable) {
		t.Fatal(err)
	}
	if len(c.asking) > 0 {
		t.Fatal("a question is left")
	}
}
