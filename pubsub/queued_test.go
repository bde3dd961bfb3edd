package pubsub

import (
	"errors"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

// TestQueued: what is published without a connection, in a process that then ends, arrives in order with what comes later.
func TestQueued(t *testing.T) {
	w := rules(t, open("news.*", 0))
	s := subscribe[int](t, w.ctx, w.client(nil), "news.go")
	storage := transport.NewMemoryStorage()
	before := NewClient(&ClientOptions{Storage: storage, QueueLength: 4, Logger: quiet()})
	for i := range 4 {
		publish(t, w.ctx, before, "news.go", i, Queued())
	}
	if _, err := before.Publish(w.ctx, "news.go", 4, Queued()); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more than may be queued: %v", err)
	}
	before.Close()
	if _, err := before.Publish(w.ctx, "news.go", 4, Queued()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	damaged, _ := storage.Load("pubsub")
	record := damaged["queue/0000000000000002"]
	record[len(record)-1]++
	storage.Apply([]transport.StorageChange{{Space: "pubsub", Key: "queue/0000000000000002", Value: record}})

	refused := make(chan string, 1)
	after := NewClient(&ClientOptions{Storage: storage, Logger: quiet(), Refused: func(topic string, value codec.Raw, err error) {
		if !errors.Is(err, ErrDenied) || string(value) != "\x07" {
			t.Errorf("%x: %v", value, err)
		}
		refused <- topic
	}})
	publish(t, w.ctx, after, "secret", 7, Queued())
	publish(t, w.ctx, after, "news.go", 8, Queued(), WithKey("k"), WithMetadata(map[string]string{"a": "b"}))
	dialer := &cutter{inner: w.server.Pipe()}
	conn := transport.Connect("pipe:", &transport.ClientOptions{
		Dialer: dialer, Storage: storage, Logger: quiet(), MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
	}, after)
	defer conn.Close()
	last := want(t, w.ctx, s, 0, 2, 3, 8)
	if last.Key != "k" || last.Metadata["a"] != "b" || <-refused != "secret" {
		t.Errorf("%+v", last)
	}
	// The answer is lost: it is published again, at least once.
	dialer.cutAfter(0)
	publish(t, w.ctx, after, "news.go", 9, Queued())
	want(t, w.ctx, s, 9)
	publish(t, w.ctx, after, "news.go", 10, Queued())
	for {
		m, err := next(t, w.ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		if m.Value == 10 {
			break
		} else if m.Value != 9 {
			t.Fatal(m.Value)
		}
	}
	for {
		left, err := storage.Load("pubsub")
		if err != nil || w.ctx.Err() != nil {
			t.Fatal(err, w.ctx.Err())
		}
		if len(left) == 1 && string(left["queue/0000000000000002"]) == string(record) {
			break // what could not be read is as it was
		}
		time.Sleep(time.Millisecond)
	}
}

func FuzzKept(f *testing.F) {
	k := kept{key: "queue/1", topic: "news.go", flags: 1, raw: codec.Raw("\x81\xa1a\xa1b"), value: codec.Raw{7}, about: "k"}
	f.Add(k.append()[9:])
	f.Fuzz(func(t *testing.T, body []byte) {
		record := append(make([]byte, 9), body...)
		record[0] = outboxFormat
		copy(record[1:], keptSum("queue/1", body))
		k, err := readKept("queue/1", record)
		if err != nil {
			return
		}
		if again, err := readKept("queue/1", k.append()); err != nil || again.topic != k.topic || string(again.value) != string(k.value) {
			t.Fatal(again, err)
		}
		if _, err := readKept("queue/2", record); err == nil {
			t.Fatal("under another key")
		}
	})
}
