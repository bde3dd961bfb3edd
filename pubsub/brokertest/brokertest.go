// Package brokertest is the contract of [pubsub.Broker] as a test: every implementation runs it unchanged.
package brokertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/transport"
)

// patience bounds how long a delivery may take. It only runs out where a broker is broken.
var patience = 5 * time.Second

// Run holds brokers that open makes, each empty and used by one subtest only, against the contract. open
// registers whatever has to be cleaned up with t.
func Run(t *testing.T, open func(t *testing.T) pubsub.Broker) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 12*patience)
			defer cancel()
			c.run(t, &bench{ctx: ctx, broker: open(t), open: map[string]bool{}})
		})
	}
}

// T is what the contract needs of a testing.T; broken brokers are judged with another one in this package's own tests.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

var cases = []struct {
	name string
	run  func(T, *bench)
}{
	{"offsets", offsets},
	{"fields", fields},
	{"read", read},
	{"retention", retention},
	{"delivery", delivery},
	{"order under concurrency", concurrent},
	{"without log", withoutLog},
	{"epoch", epoch},
	{"detach", detach},
	{"several logs", severalLogs},
	{"cancelled", cancelled},
}

// bench is one broker under test.
type bench struct {
	ctx    context.Context
	broker pubsub.Broker
	open   map[string]bool
}

func payload(n int) codec.Raw { return codec.AppendInt(nil, int64(n)) }

func (b *bench) prepare(t T, log string, keep pubsub.Retention) pubsub.Head {
	t.Helper()
	head, err := b.broker.Open(b.ctx, log, keep)
	if err != nil {
		t.Fatalf("Open(%s): %v", log, err)
	}
	if n := len(head.Epoch); n < 1 || n > 32 {
		t.Errorf("Open(%s): the epoch has %d bytes", log, n)
	}
	return head
}

func (b *bench) publish(t T, log, topic string, n int) pubsub.Position {
	t.Helper()
	at, err := b.broker.Publish(b.ctx, log, pubsub.Record{Topic: topic, Payload: payload(n)})
	if err != nil {
		t.Fatalf("Publish(%s, %s): %v", log, topic, err)
	}
	return at
}

func (b *bench) head(t T, log, filter string) pubsub.Head {
	t.Helper()
	head, err := b.broker.Head(b.ctx, log, filter)
	if err != nil {
		t.Fatalf("Head(%s): %v", log, err)
	}
	return head
}

func (b *bench) read(t T, log string, q pubsub.Query) []*pubsub.Record {
	t.Helper()
	var out []*pubsub.Record
	for r, err := range b.broker.Read(b.ctx, log, q) {
		if err != nil {
			t.Fatalf("Read(%s, %+v): %v", log, q, err)
		}
		out = append(out, r)
	}
	return out
}

func offsetsOf(records []*pubsub.Record) string {
	var s []string
	for _, r := range records {
		s = append(s, fmt.Sprint(r.Position.Offset))
	}
	return strings.Join(s, " ")
}

// feed records what is delivered.
type feed struct {
	mu      sync.Mutex
	records map[string][]pubsub.Record
	resets  map[string]int
	changed chan struct{}
}

func newFeed() *feed {
	return &feed{records: map[string][]pubsub.Record{}, resets: map[string]int{}, changed: make(chan struct{})}
}

// Deliver implements [pubsub.Feed].
func (f *feed) Deliver(log string, records []*pubsub.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range records {
		f.records[log] = append(f.records[log], *r)
	}
	f.signal()
}

// Reset implements [pubsub.Feed].
func (f *feed) Reset(log string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resets[log]++
	f.signal()
}

func (f *feed) signal() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// await waits until ok holds.
func (f *feed) await(t T, what string, ok func() bool) {
	t.Helper()
	timeout := time.After(patience)
	for {
		f.mu.Lock()
		done, changed := ok(), f.changed
		f.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%s: not delivered", what)
		}
	}
}

func (f *feed) of(log string) []pubsub.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.records[log])
}

var someClient = transport.ID{1, 2, 3}
