package pubsub

import (
	"context"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

// Publisher publishes: a [Client], or a [Hub] for the server itself.
type Publisher interface {
	// Publish encodes value and publishes it on topic. It returns when the broker has accepted it: then it has a
	// position, the zero one if the topic keeps no history. An error whose Unknown is set (package status)
	// leaves open whether it was published; any other means that it was not.
	Publish(ctx context.Context, topic string, value any, opts ...PublishOption) (Position, error)
}

// PublishOption is an option of one publication.
type PublishOption func(*publishOptions)

type publishOptions struct {
	notToMyself bool
	queued      bool
	metadata    map[string]string
	key         string
	raw         codec.Raw // metadata, encoded; nil if none
}

// NotToMyself keeps a publication from the client that publishes it. It means nothing where the server publishes.
func NotToMyself() PublishOption { return func(o *publishOptions) { o.notToMyself = true } }

// WithMetadata sends metadata along: at most 32 entries, keys of at most 255 bytes, values of at most 4 KiB, all valid UTF-8.
func WithMetadata(metadata map[string]string) PublishOption {
	return func(o *publishOptions) { o.metadata = metadata }
}

// WithKey names what the publication is about, in at most 255 bytes.
func WithKey(key string) PublishOption { return func(o *publishOptions) { o.key = key } }

func publishOptionsOf(opts []PublishOption) (o publishOptions, err error) {
	for _, opt := range opts {
		opt(&o)
	}
	if len(o.key) > maxName {
		return o, status.New(status.InvalidArgument, ErrBadRequest, "the key is longer than %d bytes", maxName)
	}
	if len(o.metadata) == 0 {
		return o, nil
	}
	keys := make([]string, 0, len(o.metadata))
	for k := range o.metadata {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	o.raw = codec.AppendMap(nil, len(keys))
	for _, k := range keys {
		o.raw = codec.AppendString(codec.AppendString(o.raw, k), o.metadata[k])
	}
	if within, _ := checkMetadata(o.raw); !within {
		return o, errMetadata()
	}
	return o, nil
}

// checkMetadata says whether raw keeps the limits of docs/PROTOCOL.md, section 11. ok is false if it
// is neither nil nor a map from string to string; the rest of one that is beyond the limits is checked all the same.
func checkMetadata(raw codec.Raw) (within, ok bool) {
	r := codec.NewReader(raw, 1)
	if len(raw) == 0 || r.Nil() {
		return true, true
	}
	m := r.Map()
	within = m.Len() <= 2*32
	for m.Len() > 0 {
		k, v := m.Text(), m.Text()
		within = within && len(k) <= 255 && len(v) <= 4<<10
	}
	return within, r.Err() == nil && m.Err() == nil
}

// readMetadata consumes metadata and adds their size in memory to size. An error is that of a value that is none.
func readMetadata(r *codec.Reader, size *int) (map[string]string, error) {
	if r.Nil() {
		return nil, nil
	}
	m := r.Map()
	out := make(map[string]string, m.Len()/2)
	for m.Len() > 0 {
		k, v := m.String(), m.String()
		out[k] = v
		*size += len(k) + len(v) + entryOverhead
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	return out, m.Err()
}

// SubscribeOption is an option of one subscription.
type SubscribeOption func(*localOptions)

type localOptions struct {
	from   *Position
	last   int
	buffer int
	bytes  int
}

// From begins behind at: with the first publication that came after it, as far as history
// reaches; what it no longer holds is told by a [Gap]. The zero Position begins with the oldest that is kept.
func From(at Position) SubscribeOption { return func(o *localOptions) { o.from = &at } }

// Last begins with the newest n publications that history holds.
func Last(n int) SubscribeOption { return func(o *localOptions) { o.last = n } }

// Buffer bounds how many messages wait for the program; default 256. When it is full the oldest is dropped, and told by a [Gap].
func Buffer(n int) SubscribeOption { return func(o *localOptions) { o.buffer = n } }

// BufferBytes bounds in the same way how many bytes they take, some overhead for each included; default 8 MiB. One that is larger than
// all that may wait is kept alone.
func BufferBytes(n int) SubscribeOption { return func(o *localOptions) { o.bytes = n } }
