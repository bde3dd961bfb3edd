package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/trefoilgo/trefoil/bench/commit"
)

// redisScript reads two keys and writes a third one, and returns what it has read.
const redisScript = `redis.call('SET', KEYS[3], ARGV[1])
return {redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])}`

// redisClient speaks RESP on one connection.
type redisClient struct {
	c net.Conn
	r *bufio.Reader
	w *bufio.Writer
}

func dialRedis(ctx context.Context, address string) (*redisClient, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &redisClient{c, bufio.NewReader(c), bufio.NewWriter(c)}, nil
}

// do sends a command and reads its answer: text, or a list of it; nil is "".
func (c *redisClient) do(words ...string) ([]string, error) {
	fmt.Fprintf(c.w, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(c.w, "$%d\r\n%s\r\n", len(w), w)
	}
	if err := c.w.Flush(); err != nil {
		return nil, err
	}
	return c.read()
}

func (c *redisClient) read() ([]string, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return nil, fmt.Errorf("an empty answer")
	}
	switch kind, rest := line[0], line[1:]; kind {
	case '+', ':':
		return []string{rest}, nil
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return []string{""}, err
		}
		b := make([]byte, n+2)
		_, err = io.ReadFull(c.r, b)
		return []string{string(b[:n])}, err
	case '*':
		n, err := strconv.Atoi(rest)
		if err != nil {
			return nil, err
		}
		var all []string
		for range n {
			one, err := c.read()
			if err != nil {
				return nil, err
			}
			all = append(all, one...)
		}
		return all, nil
	}
	return nil, fmt.Errorf("redis says %q", line)
}

// redisCommits runs the script, each client on keys of its own.
type redisCommits struct {
	connections
	clients []*redisClient
	script  string
	done    []int64
}

// DialRedis connects clients to Redis.
func DialRedis(ctx context.Context, address string, clients int) (Committer, error) {
	r := &redisCommits{done: make([]int64, clients)}
	for range clients {
		c, err := dialRedis(ctx, address)
		if err != nil {
			r.Close()
			return nil, err
		}
		r.add(func() { c.c.Close() })
		r.clients = append(r.clients, c)
	}
	err := func() error {
		// What an earlier round has left is gone, and the settings are those that were asked for.
		if _, err := r.clients[0].do("FLUSHALL"); err != nil {
			return err
		}
		if got, err := r.clients[0].do("CONFIG", "GET", "appendfsync"); err != nil || len(got) != 2 || got[1] != "always" {
			return fmt.Errorf("appendfsync is %v: %w", got, err)
		}
		got, err := r.clients[0].do("SCRIPT", "LOAD", redisScript)
		if err == nil {
			r.script = got[0]
		}
		return err
	}()
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *redisCommits) Run(until time.Time, m *Meter) error {
	return each(len(r.clients), func(i int, failed func() bool) error {
		name := strconv.Itoa(i)
		for begin, first := time.Now(), true; first || begin.Before(until) && !failed(); begin, first = m.add(begin), false {
			r.done[i]++
			got, err := r.clients[i].do("EVALSHA", r.script, "3", name+"/a", name+"/b", name+"/c", commit.Text(r.done[i]))
			if err != nil {
				return err
			}
			if len(got) != 2 || got[0] != "" || got[1] != "" {
				return fmt.Errorf("commit %d of client %d answers %.60q", r.done[i], i, got)
			}
		}
		got, err := r.clients[i].do("GET", name+"/c")
		if err == nil && (len(got) != 1 || r.done[i] > 0 && got[0] != commit.Text(r.done[i])) {
			err = fmt.Errorf("after commit %d client %d finds %.40q", r.done[i], i, got)
		}
		return err
	})
}

// RedisAnswers reports whether a Redis server answers.
func RedisAnswers(ctx context.Context, address string) error {
	c, err := dialRedis(ctx, address)
	if err != nil {
		return err
	}
	defer c.c.Close()
	_, err = c.do("PING")
	return err
}

// StopRedis ends a Redis server.
func StopRedis(ctx context.Context, address string) error {
	c, err := dialRedis(ctx, address)
	if err != nil {
		return err
	}
	defer c.c.Close()
	c.do("SHUTDOWN", "NOSAVE") // is not answered
	return nil
}
