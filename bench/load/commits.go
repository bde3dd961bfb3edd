package load

import (
	"context"
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/bench/server"
	"github.com/trefoilgo/trefoil/dstm"
)

// Committer are clients, each with a connection of its own, that make durable commits: two reads and one write of commit.Written bytes.
type Committer interface {
	// Run has each client make one commit after another until the time has come, at least one, and checks every answer.
	Run(until time.Time, m *Meter) error
	// Close closes the connections.
	Close()
}

// DialCommitter connects so many clients to a durable server.
type DialCommitter func(ctx context.Context, address string, clients int) (Committer, error)

// trefoilCommits are transactions of dstm, over the wire, each client on an object of its own.
type trefoilCommits struct {
	connections
	objects []dstm.Object
	done    []uint64
}

// DialCommits connects clients to Trefoil's dstm.
func DialCommits(ctx context.Context, address string, clients int) (Committer, error) {
	t := &trefoilCommits{done: make([]uint64, clients)}
	for i := range clients {
		client := dstm.NewClient(nil)
		c, err := dialTrefoil(ctx, address, client)
		if err != nil {
			t.Close()
			return nil, err
		}
		t.add(func() { c.Close() })
		o, err := client.Open(ctx, server.AccountName(i))
		if err != nil {
			t.Close()
			return nil, err
		}
		t.objects, t.done[i] = append(t.objects, o), o.Head().Version
	}
	return t, nil
}

func (t *trefoilCommits) Run(until time.Time, m *Meter) error {
	ctx := context.Background()
	return each(len(t.objects), func(i int, failed func() bool) error {
		for begin, first := time.Now(), true; first || begin.Before(until) && !failed(); begin, first = m.add(begin), false {
			t.done[i]++
			c, err := t.objects[i].Update(ctx, server.Commit(int64(t.done[i])))
			if err != nil {
				return err
			}
			if c.Version != t.done[i] {
				return fmt.Errorf("commit %d of %s made version %d", t.done[i], t.objects[i].Name(), c.Version)
			}
		}
		return nil
	})
}
