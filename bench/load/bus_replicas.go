package load

import (
	"context"
	"fmt"
	"strconv"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/transport"
)

// replicaBus is a shared object: who publishes sets a value in it, subscribers have replicas of it and follow their changes. A topic is an
// object, a publisher's slot a key of it.
type replicaBus struct {
	connections
	address string
	writer  *dstm.Client
	objects map[int]dstm.Object
}

// replicaTopics is how many objects the writer opens.
const replicaTopics = 1

// DialReplicas connects a writer to Trefoil's dstm.
func DialReplicas(ctx context.Context, address string) (Bus, error) {
	b := &replicaBus{address: address, writer: dstm.NewClient(nil), objects: map[int]dstm.Object{}}
	c, err := dialTrefoil(ctx, address, b.writer)
	if err != nil {
		return nil, err
	}
	b.add(func() { c.Close() })
	// Each run on an object of its own: what an earlier one has left there is not looked at.
	id := transport.NewID()
	for t := range replicaTopics {
		if b.objects[t], err = b.writer.Open(ctx, fmt.Sprintf("fan/%s/%d", id, t)); err != nil {
			b.Close()
			return nil, err
		}
	}
	return b, nil
}

func (b *replicaBus) Publish(ctx context.Context, topic int, message []byte) error {
	slot, err := strconv.ParseUint(string(message[digits:2*digits]), 16, 64)
	if err != nil {
		return err
	}
	_, err = b.objects[topic].Update(ctx, func(tx *dstm.Tx) error {
		tx.Set(message, "slot"+strconv.FormatUint(slot, 10))
		return nil
	})
	return err
}

func (b *replicaBus) Subscribe(ctx context.Context, topics []int, deliver Deliver) error {
	client := dstm.NewClient(nil)
	c, err := dialTrefoil(ctx, b.address, client)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.Background())
	b.add(func() {
		stop()
		c.Close()
	})
	for _, topic := range topics {
		o, err := client.Open(ctx, b.objects[topic].Name())
		if err != nil {
			return err
		}
		go func() {
			for change, err := range o.Changes(running) {
				if running.Err() != nil {
					return
				}
				if err != nil {
					deliver(topic, nil, err)
					return
				}
				if len(change.Path) != 1 {
					continue // the object itself came to be, with the first probe
				}
				message, _, err := dstm.Decode[[]byte](change.New)
				deliver(topic, message, err)
			}
		}()
	}
	return nil
}
