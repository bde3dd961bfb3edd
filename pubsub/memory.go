package pubsub

import (
	"context"
	"hash/maphash"
	"iter"
	"sync"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// MemoryOptions configure a [MemoryBroker]. The zero value and nil are good.
type MemoryOptions struct {
	// MaxBytes bounds what one log keeps if its rule does not; default 64 MiB. Overhead of each record is counted.
	MaxBytes int64
}

// MemoryBroker is a [Broker] in the memory of one process. Its history ends with the
// process: each one has an epoch of its own. Several hubs may share one, as nodes share a real one.
type MemoryBroker struct {
	opts MemoryOptions

	mu   sync.RWMutex
	logs map[string]*memoryLog

	feedsMu sync.RWMutex // held for reading while feeds are called
	feeds   []Feed

	seed      maphash.Seed
	ephemeral [64]sync.Mutex // order of records without a log, by topic
}

// NewMemoryBroker makes an empty broker. It panics on a negative MaxBytes.
func NewMemoryBroker(opts *MemoryOptions) *MemoryBroker {
	b := &MemoryBroker{logs: make(map[string]*memoryLog), seed: maphash.MakeSeed()}
	if opts != nil {
		b.opts = *opts
	}
	if b.opts.MaxBytes < 0 {
		panic("pubsub: MemoryOptions.MaxBytes is negative")
	}
	if b.opts.MaxBytes == 0 {
		b.opts.MaxBytes = 64 << 20
	}
	return b
}

// Open implements [Broker].
func (b *MemoryBroker) Open(ctx context.Context, log string, keep Retention) (Head, error) {
	if keep.Bytes <= 0 {
		keep.Bytes = b.opts.MaxBytes
	}
	b.mu.Lock()
	l := b.logs[log]
	if l == nil {
		l = &memoryLog{name: log, topics: make(map[string][]*Record), head: Head{Epoch: newEpoch()}}
		b.logs[log] = l
	}
	b.mu.Unlock()
	return l.retain(keep), nil
}

func newEpoch() string { return transport.NewID().String()[:16] }

func (b *MemoryBroker) log(name string) (*memoryLog, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if l := b.logs[name]; l != nil {
		return l, nil
	}
	return nil, status.New(status.FailedPrecondition, "pubsub.log_not_open", "log %s was not opened", name)
}

// Head implements [Broker].
func (b *MemoryBroker) Head(ctx context.Context, log, filter string) (Head, error) {
	l, err := b.log(log)
	if err != nil {
		return Head{}, err
	}
	return l.headOf(filter), nil
}

// Publish implements [Broker]. It returns when every attached hub has queued the record for its sessions.
func (b *MemoryBroker) Publish(ctx context.Context, log string, r Record) (Position, error) {
	if err := ctx.Err(); err != nil {
		return Position{}, status.From(err)
	}
	if log == "" {
		order := &b.ephemeral[maphash.String(b.seed, r.Topic)%uint64(len(b.ephemeral))]
		order.Lock()
		defer order.Unlock()
		r.Position, r.Prev = Position{}, 0
		b.deliver("", &r)
		return Position{}, nil
	}
	l, err := b.log(log)
	if err != nil {
		return Position{}, err
	}
	l.order.Lock()
	defer l.order.Unlock()
	l.append(&r)
	b.deliver(log, &r)
	return r.Position, nil
}

func (b *MemoryBroker) deliver(log string, r *Record) {
	b.feedsMu.RLock()
	defer b.feedsMu.RUnlock()
	batch := [1]*Record{r}
	for _, f := range b.feeds {
		f.Deliver(log, batch[:])
	}
}

// Read implements [Broker].
func (b *MemoryBroker) Read(ctx context.Context, log string, q Query) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		l, err := b.log(log)
		if err != nil {
			yield(nil, err)
			return
		}
		if q.Last > 0 {
			q.After = l.afterLast(q)
		}
		var batch []*Record
		for {
			if err := ctx.Err(); err != nil {
				yield(nil, status.From(err))
				return
			}
			batch = l.read(q, batch[:0])
			for _, r := range batch {
				if !yield(r, nil) {
					return
				}
			}
			if len(batch) < readBatch {
				return
			}
			q.After = batch[len(batch)-1].Position.Offset
		}
	}
}

// Renew implements [Broker].
func (b *MemoryBroker) Renew(ctx context.Context, log, epoch string) (Head, error) {
	l, err := b.log(log)
	if err != nil {
		return Head{}, err
	}
	l.order.Lock()
	defer l.order.Unlock()
	head, renewed := l.renew(epoch)
	if renewed {
		b.feedsMu.RLock()
		defer b.feedsMu.RUnlock()
		for _, f := range b.feeds {
			f.Reset(log)
		}
	}
	return head, nil
}

// Attach implements [Broker].
func (b *MemoryBroker) Attach(feed Feed) (detach func()) {
	b.feedsMu.Lock()
	defer b.feedsMu.Unlock()
	b.feeds = append(b.feeds, feed)
	var once sync.Once
	return func() {
		once.Do(func() {
			b.feedsMu.Lock() // waits for deliveries under way
			defer b.feedsMu.Unlock()
			for i, f := range b.feeds {
				if f == feed {
					b.feeds = append(b.feeds[:i:i], b.feeds[i+1:]...)
					break
				}
			}
		})
	}
}
