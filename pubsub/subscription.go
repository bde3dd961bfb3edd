package pubsub

import (
	"context"
	"iter"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

// Subscription is a client's subscription. It survives reconnects: it resumes where it stood, and what
// it could not be given is told by a [Gap]. All its methods may be called from several goroutines at once.
type Subscription[T any] struct {
	client *Client
	wire   *wire
	queue  *queue
}

// Subscribe subscribes to a topic or filter, decoding what comes into T; codec.Raw for T leaves it encoded.
// It waits for a session and the server's answer until ctx is done; ctx has no meaning for the subscription afterwards. What was published before it returns
// may or may not be delivered, unless From or Last asks for it; everything that is published later is, or is told as a gap.
//
// Errors: ErrDenied, ErrBadTopic, ErrTooMany, ErrClosed, and ctx's.
func Subscribe[T any](ctx context.Context, c *Client, filter string, opts ...SubscribeOption) (*Subscription[T], error) {
	if err := checkFilter(filter); err != nil {
		return nil, err
	}
	var o localOptions
	for _, opt := range opts {
		opt(&o)
	}
	if o.buffer < 0 || o.bytes < 0 || o.last < 0 || o.from != nil && o.last > 0 {
		return nil, status.New(status.InvalidArgument, ErrBadRequest, "contradictory or negative options")
	}
	q := newQueue(filter, o.buffer, o.bytes)
	w, err := c.subscribe(ctx, filter, o, q)
	if err != nil {
		return nil, err
	}
	return &Subscription[T]{client: c, wire: w, queue: q}, nil
}

// Filter is what was subscribed to.
func (s *Subscription[T]) Filter() string { return s.queue.filter }

// All yields the messages as they come, in the log's order; without history, in the order of each topic.
//
// Two kinds of error do not end the sequence: a [*Gap] stands where messages are missing, and a message whose payload is no T comes with
// the error of its decoding (Topic, Position and From are set). Any other error is the last: ctx's, why the server took the subscription away, or ErrClosed
// when the client was closed. After [Subscription.Close] the sequence ends without error. A message goes to one caller only.
func (s *Subscription[T]) All(ctx context.Context) iter.Seq2[Message[T], error] {
	return func(yield func(Message[T], error) bool) {
		for {
			e, ok, err := s.queue.next(ctx)
			var m Message[T]
			switch {
			case !ok:
				if err != nil {
					yield(m, err)
				}
				return
			case e.gap != nil:
				err = e.gap
			default:
				m, err = typed[T](e.message)
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func typed[T any](in *message) (Message[T], error) {
	var value T // apart: what is decoded into is allocated
	err := codec.Unmarshal(in.payload, &value)
	return Message[T]{
		Value: value, Topic: in.topic, Position: in.position, From: in.from, Metadata: in.metadata, Key: in.key,
	}, err
}

// Close ends the subscription. What waits in its buffer is still yielded. Idempotent.
func (s *Subscription[T]) Close() error {
	s.client.unsubscribe(s.wire, s.queue)
	s.queue.end(nil)
	return nil
}
