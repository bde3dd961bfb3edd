package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/commit"
	"github.com/trefoilgo/trefoil/bench/machine"
)

// load are clients, each with a connection of its own, that commit transactions: two keys are compared, a third one is written, in
// one request.
func load() ([]string, map[string]child.Command, error) {
	machine.RaiseFiles()
	address := os.Getenv(addressVariable)
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, nil, err
	}
	var clients []*clientv3.Client
	var done []int64
	return nil, commit.Command(func(callers int, lasts time.Duration) (commit.Outcome, error) {
		for len(clients) < callers {
			c, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, DialTimeout: 10 * time.Second})
			if err != nil {
				return commit.Outcome{}, err
			}
			if _, err := c.Get(context.Background(), "nothing"); err != nil { // it is connected
				return commit.Outcome{}, err
			}
			clients, done = append(clients, c), append(done, 0)
		}
		before, err := machine.Wire(port)
		if err != nil {
			return commit.Outcome{}, err
		}
		o, err := commit.Run(callers, lasts, func(i int) error {
			done[i]++
			return one(clients[i], i, done[i])
		})
		if err != nil {
			return o, err
		}
		after, err := machine.Wire(port)
		o.Bytes = after - before
		return o, err
	}), nil
}

// one makes the n-th commit of a client.
func one(c *clientv3.Client, client int, n int64) error {
	name := fmt.Sprintf("account/%d/", client)
	answer, err := c.Txn(context.Background()).
		If(clientv3.Compare(clientv3.ModRevision(name+"a"), "=", 0), clientv3.Compare(clientv3.ModRevision(name+"b"), "=", 0)).
		Then(clientv3.OpPut(name+"c", commit.Text(n))).
		Commit()
	if err == nil && !answer.Succeeded {
		err = errors.New("a comparison failed, although nobody has written")
	}
	return err
}
