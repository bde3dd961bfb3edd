package brokertest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/status"
)

// offsets: strictly increasing, in one epoch, acknowledged before Head shows them.
func offsets(t T, b *bench) {
	start := b.prepare(t, "l", pubsub.Retention{})
	if start.Offset != 0 || start.Floor != 0 {
		t.Errorf("an empty log begins at %+v", start)
	}
	last := int64(0)
	for i := range 20 {
		at := b.publish(t, "l", fmt.Sprintf("a.%d", i%3), i)
		if at.Log != "l" || at.Epoch != start.Epoch || at.Offset <= last {
			t.Fatalf("position %+v behind offset %d of epoch %s", at, last, start.Epoch)
		}
		last = at.Offset
		if head := b.head(t, "l", "a.*"); head.Offset < last || head.Epoch != start.Epoch {
			t.Fatalf("head %+v after %d was acknowledged", head, last)
		}
	}
	if again := b.prepare(t, "l", pubsub.Retention{}); again.Offset != last || again.Epoch != start.Epoch {
		t.Errorf("opened again at %+v, not at %d of the same epoch", again, last)
	}
}

// fields: what was published comes back whole, with the topic's previous offset.
func fields(t T, b *bench) {
	b.prepare(t, "l", pubsub.Retention{})
	f := newFeed()
	defer b.broker.Attach(f)()
	in := pubsub.Record{
		Topic: "a.x", From: someClient, NotToFrom: true, Key: "k",
		Metadata: codec.AppendString(codec.AppendString(codec.AppendMap(nil, 1), "m"), "v"),
		Payload:  codec.AppendBytes(nil, bytes.Repeat([]byte{7}, 3000)),
	}
	var at [3]pubsub.Position
	for i, topic := range []string{"a.x", "a.y", "a.x"} {
		in.Topic = topic
		var err error
		if at[i], err = b.broker.Publish(b.ctx, "l", in); err != nil {
			t.Fatalf("Publish: %v", err)
		}
	}
	f.await(t, "three records", func() bool { return len(f.records["l"]) >= 3 })
	got := b.read(t, "l", pubsub.Query{Filter: "a.*", UpTo: math.MaxInt64})
	if len(got) != 3 {
		t.Fatalf("read %d records of 3", len(got))
	}
	for i, prev := range []int64{0, 0, at[0].Offset} {
		for way, r := range map[string]pubsub.Record{"read": *got[i], "delivered": f.of("l")[i]} {
			if r.Position != at[i] || r.Prev != prev {
				t.Errorf("%s record %d at %+v with prev %d, not %+v with %d", way, i, r.Position, r.Prev, at[i], prev)
			}
			if r.From != in.From || !r.NotToFrom || r.Key != in.Key || r.Time.IsZero() ||
				!bytes.Equal(r.Metadata, in.Metadata) || !bytes.Equal(r.Payload, in.Payload) {
				t.Errorf("%s record %d lost a field", way, i)
			}
		}
	}
}

// read: bounds, filters, the last few, stopping early, more than any batch.
func read(t T, b *bench) {
	b.prepare(t, "l", pubsub.Retention{})
	var at []int64
	topics := []string{"a.x", "a.y", "b.x"}
	const n = 900
	for i := range n {
		at = append(at, b.publish(t, "l", topics[i%3], i).Offset)
	}
	for _, c := range []struct {
		q           pubsub.Query
		first, step int // the indices that are selected
		count       int
	}{
		{pubsub.Query{Filter: ">", UpTo: at[n-1]}, 0, 1, n},
		{pubsub.Query{Filter: "a.x", UpTo: at[n-1]}, 0, 3, n / 3},
		{pubsub.Query{Filter: "b.*", UpTo: math.MaxInt64}, 2, 3, n / 3},
		{pubsub.Query{Filter: ">", After: at[9], UpTo: at[19]}, 10, 1, 10},
		{pubsub.Query{Filter: "a.x", After: at[9], UpTo: at[19]}, 12, 3, 3},
		{pubsub.Query{Filter: ">", UpTo: at[n-1], Last: 5}, n - 5, 1, 5},
		{pubsub.Query{Filter: "a.x", UpTo: at[n-1], Last: 5}, n - 15, 3, 5},
		{pubsub.Query{Filter: "a.y", After: at[n-4], UpTo: at[n-1], Last: 5}, n - 2, 3, 1},
		{pubsub.Query{Filter: "c", UpTo: at[n-1]}, 0, 1, 0},
		{pubsub.Query{Filter: ">", After: at[n-1], UpTo: math.MaxInt64}, 0, 1, 0},
		{pubsub.Query{Filter: "a", UpTo: at[n-1]}, 0, 1, 0},
	} {
		got := b.read(t, "l", c.q)
		ok := len(got) == c.count
		for i := 0; ok && i < c.count; i++ {
			ok = got[i].Position.Offset == at[c.first+i*c.step] && pubsub.Match(c.q.Filter, got[i].Topic)
		}
		if !ok {
			t.Errorf("%+v: offsets %.200s", c.q, offsetsOf(got))
		}
	}
	seen := 0
	for range b.broker.Read(b.ctx, "l", pubsub.Query{Filter: ">", UpTo: at[n-1]}) {
		if seen++; seen == 3 {
			break
		}
	}
	if head := b.head(t, "l", ">"); head.Offset < at[n-1] {
		t.Errorf("head %+v after a reader stopped early", head)
	}
}

// place is a record as it was published.
type place struct {
	topic  string
	offset int64
}

// retention: whatever a broker removes, nobody who looks at Floor overlooks it.
func retention(t T, b *bench) {
	b.prepare(t, "l", pubsub.Retention{Count: 3})
	var all []place
	for i := range 30 {
		topic := fmt.Sprintf("t%d", i%2)
		all = append(all, place{topic, b.publish(t, "l", topic, i).Offset})
	}
	kept := b.read(t, "l", pubsub.Query{Filter: "t0", UpTo: math.MaxInt64})
	if len(kept) < 3 {
		t.Fatalf("kept %d of a topic's records, not 3", len(kept))
	}
	if last := kept[len(kept)-1]; last.Position.Offset != all[28].offset {
		t.Errorf("the newest kept is %d, not %d", last.Position.Offset, all[28].offset)
	}
	for after := range all {
		follow(t, b, "l", all, after)
	}
	// One topic fills the log's bytes, so that the other is removed altogether.
	b.prepare(t, "small", pubsub.Retention{Bytes: 20_000})
	all = nil
	for i := range 200 {
		topic := "big"
		if i < 5 {
			topic = "quiet"
		}
		p, err := b.broker.Publish(b.ctx, "small", pubsub.Record{Topic: topic, Payload: codec.AppendBytes(nil, make([]byte, 1000))})
		if err != nil {
			t.Fatalf("Publish: %v", err)
		}
		all = append(all, place{topic, p.Offset})
	}
	for _, after := range []int{0, 2, 6, 150, 199} {
		follow(t, b, "small", all, after)
	}
}

// follow reads a log behind the index after and checks that each record that does not come any more is at or below the floor.
func follow(t T, b *bench, log string, all []place, after int) {
	t.Helper()
	here := all[after].offset
	for _, filter := range []string{"*", all[after].topic} {
		came := map[int64]bool{}
		for _, r := range b.read(t, log, pubsub.Query{Filter: filter, After: here, UpTo: math.MaxInt64}) {
			came[r.Position.Offset] = true
		}
		head := b.head(t, log, filter)
		if head.Floor > head.Offset {
			t.Fatalf("%s: floor above the head: %+v", filter, head)
		}
		for _, p := range all[after+1:] {
			if pubsub.Match(filter, p.topic) && !came[p.offset] && p.offset > head.Floor {
				t.Fatalf("%s behind %d: offset %d is missing, and the floor is %d", filter, here, p.offset, head.Floor)
			}
		}
	}
}

// delivery: everything, in order, after it is readable, to every feed.
func delivery(t T, b *bench) {
	b.prepare(t, "l", pubsub.Retention{})
	one, two := newFeed(), newFeed()
	defer b.broker.Attach(one)()
	defer b.broker.Attach(two)()
	const n = 300
	for i := range n {
		b.publish(t, "l", "a", i)
	}
	for _, f := range []*feed{one, two} {
		f.await(t, "all records", func() bool { return len(f.records["l"]) >= n })
		for i, r := range f.of("l") {
			if !bytes.Equal(r.Payload, payload(i)) {
				t.Fatalf("record %d has the payload %x", i, r.Payload)
			}
		}
	}
}

// concurrent: offsets ascend in delivery, each caller's order holds, the chain of prev is whole.
func concurrent(t T, b *bench) {
	b.prepare(t, "l", pubsub.Retention{})
	f := newFeed()
	defer b.broker.Attach(f)()
	const callers, each = 8, 50
	var wg sync.WaitGroup
	errs := make(chan error, callers)
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				r := pubsub.Record{Topic: fmt.Sprintf("t%d", i%2), Key: fmt.Sprint(c), Payload: payload(i)}
				if _, err := b.broker.Publish(b.ctx, "l", r); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		t.Fatalf("Publish: %v", err)
	default:
	}
	f.await(t, "all records", func() bool { return len(f.records["l"]) >= callers*each })
	last, next, prev := int64(0), map[string]int{}, map[string]int64{}
	for _, r := range f.of("l") {
		if r.Position.Offset <= last {
			t.Fatalf("offset %d delivered behind %d", r.Position.Offset, last)
		}
		if !bytes.Equal(r.Payload, payload(next[r.Key])) {
			t.Fatalf("caller %s: record %x in place of number %d", r.Key, r.Payload, next[r.Key])
		}
		if r.Prev != prev[r.Topic] {
			t.Fatalf("offset %d has prev %d, not %d", r.Position.Offset, r.Prev, prev[r.Topic])
		}
		last, prev[r.Topic] = r.Position.Offset, r.Position.Offset
		next[r.Key]++
	}
}

// withoutLog: no position, order by topic.
func withoutLog(t T, b *bench) {
	f := newFeed()
	defer b.broker.Attach(f)()
	const n = 100
	for i := range n {
		if at := b.publish(t, "", "a", i); at != (pubsub.Position{}) {
			t.Fatalf("position %+v without a log", at)
		}
	}
	f.await(t, "all records", func() bool { return len(f.records[""]) >= n })
	for i, r := range f.of("") {
		if !bytes.Equal(r.Payload, payload(i)) || r.Position != (pubsub.Position{}) || r.Prev != 0 {
			t.Fatalf("record %d is %+v", i, r)
		}
	}
}

// epoch: renewed once by whoever names the present one; offsets go on; feeds hear of it.
func epoch(t T, b *bench) {
	old := b.prepare(t, "l", pubsub.Retention{})
	f := newFeed()
	defer b.broker.Attach(f)()
	before := b.publish(t, "l", "a", 1)
	renewed, err := b.broker.Renew(b.ctx, "l", old.Epoch)
	if err != nil || renewed.Epoch == old.Epoch || len(renewed.Epoch) > 32 || renewed.Offset < before.Offset {
		t.Fatalf("Renew: %+v, %v", renewed, err)
	}
	if same, err := b.broker.Renew(b.ctx, "l", old.Epoch); err != nil || same.Epoch != renewed.Epoch {
		t.Fatalf("Renew of an epoch that is over: %+v, %v", same, err)
	}
	f.await(t, "the reset", func() bool { return f.resets["l"] > 0 })
	at := b.publish(t, "l", "a", 2)
	if at.Epoch != renewed.Epoch || at.Offset <= before.Offset {
		t.Errorf("position %+v in epoch %s behind %d", at, renewed.Epoch, before.Offset)
	}
	if head := b.head(t, "l", "a"); head.Epoch != renewed.Epoch {
		t.Errorf("head %+v in epoch %s", head, renewed.Epoch)
	}
}

// detach: not called any more.
func detach(t T, b *bench) {
	b.prepare(t, "l", pubsub.Retention{})
	gone, stays := newFeed(), newFeed()
	leave := b.broker.Attach(gone)
	defer b.broker.Attach(stays)()
	b.publish(t, "l", "a", 0)
	gone.await(t, "a record", func() bool { return len(gone.records["l"]) == 1 })
	leave()
	leave()
	b.publish(t, "l", "a", 1)
	stays.await(t, "both records", func() bool { return len(stays.records["l"]) == 2 })
	if n := len(gone.of("l")); n != 1 {
		t.Errorf("%d records after detach", n-1)
	}
}

// severalLogs: they have nothing in common.
func severalLogs(t T, b *bench) {
	b.prepare(t, "l", pubsub.Retention{Count: 2})
	b.prepare(t, "m", pubsub.Retention{})
	for i := range 10 {
		b.publish(t, "l", "a", i)
		b.publish(t, "m", "a", i)
	}
	if got := b.read(t, "m", pubsub.Query{Filter: "a", UpTo: math.MaxInt64}); len(got) != 10 {
		t.Errorf("one log's retention removed another's records: %d left", len(got))
	}
	for _, r := range b.read(t, "m", pubsub.Query{Filter: ">", UpTo: math.MaxInt64}) {
		if r.Position.Log != "m" {
			t.Errorf("log m holds %+v", r.Position)
		}
	}
}

// cancelled: a caller that has given up publishes nothing and is told so.
func cancelled(t T, b *bench) {
	b.prepare(t, "l", pubsub.Retention{})
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	_, err := b.broker.Publish(ctx, "l", pubsub.Record{Topic: "a", Payload: payload(1)})
	if err == nil {
		t.Fatalf("Publish with a context that is done succeeded")
	}
	if n := len(b.read(t, "l", pubsub.Query{Filter: "a", UpTo: math.MaxInt64})); n > 0 && !status.OutcomeUnknown(err) {
		t.Errorf("published, and the error says that it certainly was not: %v", err)
	}
}
