// Package pubsub is publish and subscribe over a [transport] connection: messages on dotted topics, with
// history, wildcards, resume after a reconnect, and members.
//
// A subscriber sees a topic's messages in order and without duplicates, and is told by a [Gap] when it missed some.
//
// A [Hub] is the server's side, a [Client] the client's, a [Topic] the typed definition that both import, and a [Broker] what
// carries messages between hubs and keeps history. Without rules a hub denies everything.
//
// A topic is 1 to 255 bytes: segments between dots, none empty, without '*', '>', ':', white space and control characters; a
// namespace may stand before it with a colon ("shop:orders.42"). A filter is a topic in which a segment may be "*", any one segment, and the
// last may be ">", one or more.
package pubsub

import "context"

// Topic is a definition that servers and clients share: where messages of type T are published. Make
// it once, as a package variable.
type Topic[T any] struct{ template template }

// NewTopic defines a topic. In template whole segments may be parameters: "chat.{room}". It panics on a malformed template.
func NewTopic[T any](template string) *Topic[T] {
	return &Topic[T]{parseTemplate(template)}
}

// At is the topic with its parameters filled in, in order. A parameter that is not one plain segment (empty, or with '.', '*', '>', ':', white
// space or control characters) is refused by whatever is done at the address: a room called "a.>" widens nothing.
func (t *Topic[T]) At(params ...string) Address[T] {
	topic, err := t.template.fill(params)
	return Address[T]{topic, err}
}

// All is every topic that the definition describes.
func (t *Topic[T]) All() Filter[T] { return Filter[T]{t.template.filter()} }

// Address is one topic. A plain value.
type Address[T any] struct {
	topic string
	err   error
}

// Topic is the address as text, "" if its parameters are bad.
func (a Address[T]) Topic() string { return a.topic }

// Publish publishes v through p: a [Client], or a [Hub] for the server itself. See [Publisher].
func (a Address[T]) Publish(ctx context.Context, p Publisher, v T, opts ...PublishOption) (Position, error) {
	if a.err != nil {
		return Position{}, a.err
	}
	return p.Publish(ctx, a.topic, v, opts...)
}

// Subscribe subscribes c to the topic. See [Subscribe].
func (a Address[T]) Subscribe(ctx context.Context, c *Client, opts ...SubscribeOption) (*Subscription[T], error) {
	if a.err != nil {
		return nil, a.err
	}
	return Subscribe[T](ctx, c, a.topic, opts...)
}

// Filter is all topics of a definition. A plain value.
type Filter[T any] struct{ filter string }

// Filter is the filter as text.
func (f Filter[T]) Filter() string { return f.filter }

// Subscribe subscribes c to all of them. See [Subscribe].
func (f Filter[T]) Subscribe(ctx context.Context, c *Client, opts ...SubscribeOption) (*Subscription[T], error) {
	return Subscribe[T](ctx, c, f.filter, opts...)
}
