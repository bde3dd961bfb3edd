package load

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/trefoilgo/trefoil/bench/server"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/transport"
)

// Object is a replica of an object that the server has grown, with a connection of its own.
type Object struct {
	connection *transport.Client
	object     dstm.Object
	nodes      int
	last       []int64 // by writer
}

// OpenObject connects to Trefoil and opens an object of so many nodes; took is from asking for it until it is there.
func OpenObject(ctx context.Context, address, name string, nodes int) (o *Object, took time.Duration, err error) {
	client := dstm.NewClient(nil)
	c, err := dialTrefoil(ctx, address, client)
	if err != nil {
		return nil, 0, err
	}
	begin := time.Now()
	replica, err := client.Open(ctx, name)
	took = time.Since(begin)
	o = &Object{connection: c, object: replica, nodes: nodes}
	if err == nil {
		err = o.check(0, 1)
	}
	if err == nil {
		err = o.check(nodes-1, 1)
	}
	if err != nil {
		c.Close()
		return nil, 0, err
	}
	return o, took, nil
}

// node is the i-th node.
func node(i int) dstm.Ref[int64] {
	return server.Grown.At(strconv.Itoa(i/server.GrownWidth), strconv.Itoa(i%server.GrownWidth))
}

func (o *Object) check(i int, want int64) error {
	return o.object.View(func(tx *dstm.Tx) error {
		if got := node(i).Get(tx); got != want {
			return fmt.Errorf("node %d of %s is %d, want %d", i, o.object.Name(), got, want)
		}
		return nil
	})
}

// Run has writers commit, each one change of a node of its own after another, until the time has come, at least one.
func (o *Object) Run(writers int, until time.Time, m *Meter) error {
	ctx := context.Background()
	for len(o.last) < writers {
		o.last = append(o.last, 1)
	}
	return each(writers, func(w int, failed func() bool) error {
		mine := w * o.nodes / writers
		for begin, first := time.Now(), true; first || begin.Before(until) && !failed(); begin, first = m.add(begin), false {
			o.last[w]++
			if _, err := o.object.Update(ctx, func(tx *dstm.Tx) error {
				node(mine).Set(tx, o.last[w])
				return nil
			}); err != nil {
				return err
			}
		}
		return o.check(mine, o.last[w])
	})
}

// Close closes the connection.
func (o *Object) Close() { o.connection.Close() }
