package brokertest

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/status"
)

func TestMemoryBroker(t *testing.T) {
	Run(t, func(t *testing.T) pubsub.Broker { return pubsub.NewMemoryBroker(nil) })
}

// judge is a T that only notes whether something was wrong.
type judge struct{ failed string }

func (j *judge) Helper() {}
func (j *judge) Errorf(format string, args ...any) {
	if j.failed == "" {
		j.failed = fmt.Sprintf(format, args...)
	}
}
func (j *judge) Fatalf(format string, args ...any) {
	j.Errorf(format, args...)
	runtime.Goexit()
}

// broken is a memory broker with one defect.
type broken struct {
	pubsub.Broker
	publish func(b pubsub.Broker, ctx context.Context, log string, r pubsub.Record) (pubsub.Position, error)
	head    func(pubsub.Head) pubsub.Head
	read    func(r *pubsub.Record, n int) *pubsub.Record // nil leaves it out
	feed    func(pubsub.Feed) pubsub.Feed
	detach  bool
	renew   func(old, renewed pubsub.Head) pubsub.Head
	last    bool // ignores Last
	upTo    bool // ignores UpTo
}

func (b *broken) Publish(ctx context.Context, log string, r pubsub.Record) (pubsub.Position, error) {
	if b.publish != nil {
		return b.publish(b.Broker, ctx, log, r)
	}
	return b.Broker.Publish(ctx, log, r)
}

func (b *broken) Head(ctx context.Context, log, filter string) (pubsub.Head, error) {
	h, err := b.Broker.Head(ctx, log, filter)
	if b.head != nil {
		h = b.head(h)
	}
	return h, err
}

func (b *broken) Read(ctx context.Context, log string, q pubsub.Query) iter.Seq2[*pubsub.Record, error] {
	if b.last {
		q.Last = 0
	}
	if b.upTo {
		q.UpTo = 1 << 60
	}
	return func(yield func(*pubsub.Record, error) bool) {
		n := 0
		for r, err := range b.Broker.Read(ctx, log, q) {
			if b.read != nil && err == nil {
				n++
				if r = b.read(r, n); r == nil {
					continue
				}
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (b *broken) Renew(ctx context.Context, log, epoch string) (pubsub.Head, error) {
	if b.renew == nil {
		return b.Broker.Renew(ctx, log, epoch)
	}
	old, _ := b.Broker.Head(ctx, log, ">")
	h, err := b.Broker.Renew(ctx, log, old.Epoch)
	return b.renew(old, h), err
}

func (b *broken) Attach(f pubsub.Feed) func() {
	if b.feed != nil {
		f = b.feed(f)
	}
	leave := b.Broker.Attach(f)
	if b.detach {
		return func() {}
	}
	return leave
}

// lossy is a feed in front of another.
type lossy struct {
	pubsub.Feed
	n       int
	deliver func(f *lossy, log string, records []*pubsub.Record)
	reset   bool
}

func (f *lossy) Deliver(log string, records []*pubsub.Record) {
	f.n++
	f.deliver(f, log, records)
}

func (f *lossy) Reset(log string) {
	if f.reset {
		f.Feed.Reset(log)
	}
}

func feedThat(deliver func(f *lossy, log string, records []*pubsub.Record)) func(pubsub.Feed) pubsub.Feed {
	return func(f pubsub.Feed) pubsub.Feed { return &lossy{Feed: f, deliver: deliver, reset: true} }
}

func changed(change func(*pubsub.Record)) func(*pubsub.Record, int) *pubsub.Record {
	return func(r *pubsub.Record, _ int) *pubsub.Record {
		c := *r
		change(&c)
		return &c
	}
}

func TestBrokenBrokersFail(t *testing.T) {
	defer func(d time.Duration) { patience = d }(patience)
	patience = 100 * time.Millisecond
	for name, b := range map[string]*broken{
		"stale head":             {head: func(h pubsub.Head) pubsub.Head { h.Offset--; return h }},
		"hidden floor":           {head: func(h pubsub.Head) pubsub.Head { h.Floor = 0; return h }},
		"head of another epoch":  {head: func(h pubsub.Head) pubsub.Head { h.Epoch = "x"; return h }},
		"read leaves one out":    {read: func(r *pubsub.Record, n int) *pubsub.Record { return ifNot(n == 300, r) }},
		"read stops after 256":   {read: func(r *pubsub.Record, n int) *pubsub.Record { return ifNot(n > 256, r) }},
		"prev lost":              {read: changed(func(r *pubsub.Record) { r.Prev = 0 })},
		"metadata lost":          {read: changed(func(r *pubsub.Record) { r.Metadata = nil })},
		"not-to-from lost":       {read: changed(func(r *pubsub.Record) { r.NotToFrom = false })},
		"key lost":               {read: changed(func(r *pubsub.Record) { r.Key = "" })},
		"payload damaged":        {read: changed(func(r *pubsub.Record) { r.Payload = codec.AppendNil(nil) })},
		"last ignored":           {last: true},
		"upTo ignored":           {upTo: true},
		"detach ignored":         {detach: true},
		"renews any epoch":       {renew: func(_, h pubsub.Head) pubsub.Head { return h }},
		"never renews":           {renew: func(old, _ pubsub.Head) pubsub.Head { return old }},
		"feed loses one":         {feed: feedThat(func(f *lossy, log string, r []*pubsub.Record) { loseOne(f, log, r) })},
		"feed doubles one":       {feed: feedThat(func(f *lossy, log string, r []*pubsub.Record) { f.Feed.Deliver(log, r); doubleOne(f, log, r) })},
		"feed swaps two":         {feed: swapping()},
		"no reset":               {feed: func(f pubsub.Feed) pubsub.Feed { return &lossy{Feed: f, deliver: pass} }},
		"appends when cancelled": {publish: publishAnyway},
		"position made up": {publish: func(b pubsub.Broker, ctx context.Context, log string, r pubsub.Record) (pubsub.Position, error) {
			at, err := b.Publish(ctx, log, r)
			at.Offset++
			return at, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			found := ""
			for _, c := range cases {
				b.Broker = pubsub.NewMemoryBroker(nil)
				j := &judge{}
				done := make(chan struct{})
				go func() {
					defer close(done)
					c.run(j, &bench{ctx: t.Context(), broker: b, open: map[string]bool{}})
				}()
				<-done
				if j.failed != "" {
					found = c.name + ": " + j.failed
					break
				}
			}
			if found == "" {
				t.Fatal("the contract did not notice")
			}
			t.Log(found)
		})
	}
}

func ifNot(cond bool, r *pubsub.Record) *pubsub.Record {
	if cond {
		return nil
	}
	return r
}

func pass(f *lossy, log string, r []*pubsub.Record) { f.Feed.Deliver(log, r) }

func loseOne(f *lossy, log string, r []*pubsub.Record) {
	if f.n != 2 {
		pass(f, log, r)
	}
}

func doubleOne(f *lossy, log string, r []*pubsub.Record) {
	if f.n == 2 {
		pass(f, log, r)
	}
}

func swapping() func(pubsub.Feed) pubsub.Feed {
	var held []*pubsub.Record
	return feedThat(func(f *lossy, log string, r []*pubsub.Record) {
		switch f.n {
		case 2:
			held = append(held, r...)
		case 3:
			pass(f, log, r)
			pass(f, log, held)
		default:
			pass(f, log, r)
		}
	})
}

func publishAnyway(b pubsub.Broker, ctx context.Context, log string, r pubsub.Record) (pubsub.Position, error) {
	at, err := b.Publish(context.WithoutCancel(ctx), log, r)
	if ctx.Err() != nil {
		return pubsub.Position{}, status.From(ctx.Err())
	}
	return at, err
}
