package pubsub

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Queued lets a client keep the publication until it is accepted: Publish returns, without a position, when it is kept, in the client's Storage
// if it has one, with or without a connection. What is kept is sent in order, one after another, and over a restart too.
//
// At least once: if the connection, or the process, ends before the answer, it is published again. What the server refuses is dropped,
// and ClientOptions.Refused told. ErrTooMany: the queue is full. It means nothing where the server publishes.
func Queued() PublishOption { return func(o *publishOptions) { o.queued = true } }

// outbox is what a client keeps of queued publications. The client's mutex is never taken while mu is held.
type outbox struct {
	client  *Client
	storage transport.Storage // nil: memory alone
	length  int
	most    int // bytes
	log     *slog.Logger
	refused func(topic string, value codec.Raw, err error)
	adding  sync.Mutex // held while one is stored, so that they are in order; taken before mu

	mu      sync.Mutex
	list    []kept
	bytes   int
	last    uint64
	sending bool
}

// kept is one queued publication.
type kept struct {
	key    string // of its record
	topic  string
	record []byte
	flags  int64
	raw    codec.Raw // metadata
	value  codec.Raw
	about  string
}

const (
	outboxSpace  = "pubsub"
	outboxFormat = 1
	busyPause    = 100 * time.Millisecond
)

// load takes up what a process before has left. A record that cannot be read is left alone.
func (o *outbox) load() {
	if o.storage == nil {
		return
	}
	data, err := o.storage.Load(outboxSpace)
	if err != nil {
		o.log.Error("pubsub: the client's storage cannot be read; nothing is stored", "error", err)
		o.storage = nil
		return
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		var n uint64
		if _, err := fmt.Sscanf(key, "queue/%016x", &n); err == nil {
			o.last = max(o.last, n)
		}
		k, err := readKept(key, data[key])
		if err != nil {
			o.log.Error("pubsub: a record of the client's storage cannot be used; it is left alone", "record", key, "error", err)
			continue
		}
		o.list = append(o.list, k)
		o.bytes += len(k.record)
	}
}

// add keeps a publication.
func (o *outbox) add(k kept) error {
	o.adding.Lock()
	defer o.adding.Unlock()
	o.mu.Lock()
	o.last++
	k.key = fmt.Sprintf("queue/%016x", o.last)
	k.record = k.append()
	full := len(o.list) >= o.length || o.bytes+len(k.record) > o.most
	o.mu.Unlock()
	if full {
		return status.New(status.ResourceExhausted, ErrTooMany, "the queue is full")
	}
	if o.storage != nil {
		if err := o.storage.Apply([]transport.StorageChange{{Space: outboxSpace, Key: k.key, Value: k.record}}); err != nil {
			return err
		}
	}
	o.mu.Lock()
	o.list = append(o.list, k)
	o.bytes += len(k.record)
	o.mu.Unlock()
	o.kick()
	return nil
}

// kick begins to send if there is something and nobody does.
func (o *outbox) kick() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.sending && len(o.list) > 0 {
		o.sending = true
		go o.send()
	}
}

// send sends one after another, until there is none, or no session.
func (o *outbox) send() {
	for {
		o.mu.Lock()
		if len(o.list) == 0 {
			o.sending = false
			o.mu.Unlock()
			return
		}
		k := o.list[0]
		o.mu.Unlock()
		_, err := o.client.request(context.Background(), k.frame)
		switch {
		case err == nil:
		case errors.Is(err, ErrNotConnected), errors.Is(err, ErrClosed), errors.Is(err, ErrConnectionLost), status.OutcomeUnknown(err),
			status.CodeOf(err) == status.Unavailable, errors.Is(err, ErrTooMany):
			o.mu.Lock()
			o.sending = false
			o.mu.Unlock()
			if o.client.connected() { // a new session may have come just now; or the server is busy
				time.AfterFunc(busyPause, o.kick)
			}
			return
		default:
			o.log.Warn("pubsub: a queued publication was refused", "topic", k.topic, "error", err)
			if o.refused != nil {
				o.refused(k.topic, slices.Clone(k.value), err)
			}
		}
		o.drop(k)
	}
}

// drop takes the first one away. If it cannot be deleted, it is published once more after a restart.
func (o *outbox) drop(k kept) {
	if o.storage != nil {
		if err := o.storage.Apply([]transport.StorageChange{{Space: outboxSpace, Key: k.key}}); err != nil {
			o.log.Error("pubsub: the client's storage fails", "error", err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list[0] = kept{}
	o.list = o.list[1:]
	o.bytes -= len(k.record)
}

func (k *kept) frame(id int64) ([]byte, error) {
	b := header(make([]byte, 0, 128+len(k.raw)+len(k.value)), 8, kindPublish)
	b = codec.AppendInt(codec.AppendString(b, k.topic), id)
	b = codec.AppendInt(b, k.flags)
	b = appendRaw(b, k.raw)
	b = append(b, k.value...)
	return appendText(b, k.about), nil
}

// append is the record: a format byte, a checksum of key and body, and five values.
func (k *kept) append() []byte {
	b := make([]byte, 9, 64+len(k.value)+len(k.raw))
	b = codec.AppendString(b, k.topic)
	b = codec.AppendInt(b, k.flags)
	b = appendRaw(b, k.raw)
	b = append(b, k.value...)
	b = appendText(b, k.about)
	b[0] = outboxFormat
	copy(b[1:], keptSum(k.key, b[9:]))
	return b
}

func keptSum(key string, body []byte) []byte {
	h := fnv.New64a()
	h.Write([]byte(key))
	h.Write([]byte{0})
	h.Write(body)
	return h.Sum(nil)
}

func readKept(key string, record []byte) (kept, error) {
	bad := status.New(status.DataLoss, "pubsub.damaged", "the record is damaged")
	switch {
	case len(record) > 0 && record[0] > outboxFormat:
		return kept{}, status.New(status.FailedPrecondition, "pubsub.format_newer", "a later version wrote the record")
	case len(record) < 9 || record[0] != outboxFormat || string(keptSum(key, record[9:])) != string(record[1:9]):
		return kept{}, bad
	}
	rest := record[9:]
	for range 5 {
		n, err := codec.Check(rest)
		if err != nil {
			return kept{}, bad
		}
		rest = rest[n:]
	}
	r := codec.NewReader(record[9:], 5)
	k := kept{key: key, record: record, topic: r.String(), flags: r.Int()}
	if !r.Nil() {
		k.raw = r.Raw()
	}
	k.value = r.Raw()
	if !r.Nil() {
		k.about = r.String()
	}
	within, ok := checkMetadata(k.raw)
	if r.Err() != nil || len(rest) > 0 || !within || !ok || checkTopic(k.topic) != nil || len(k.about) > maxName {
		return kept{}, bad
	}
	return k, nil
}
