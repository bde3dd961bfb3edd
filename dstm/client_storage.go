package dstm

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/keep"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// disk writes what a client stores, on a goroutine of its own: everything that is put while one batch is being written goes into the
// next one, and into one atomic Apply. The client's mutex guards it.
type disk struct {
	client  *Client
	storage transport.Storage // nil: nothing is stored
	log     *slog.Logger
	puts    map[string][]byte // to be written; nil deletes
	then    []func()          // to be called, with the client's mutex held, when it is
	writing bool
	idle    chan struct{} // closed when writing ends; nil if nobody waits
	late    bool          // the replicas are to be written too
	timer   func()        // ends the timer of that
	failing error         // the last Apply failed with this
	again   func()        // ends the timer of the next attempt
	tries   int
	problem *status.Error // what could not be read
	over    bool          // the client is closed
	ceiling uint64        // stored, or about to be
}

// Delays of what is written without hurry, and of another attempt after a failure, which doubles.
const (
	saveDelay  = time.Second
	retryDelay = time.Second
	maxRetry   = time.Minute
)

// block is by how much the ceiling of sequences rises at a time.
const block = 1 << 20

func (k *disk) active() bool { return k.storage != nil && !k.over }

// put has a record written in the next batch; nil deletes it.
func (k *disk) put(key string, value []byte) {
	if k.active() {
		k.puts[key] = value
	}
}

// erase has a record deleted; while the storage fails, one that it cannot hold is just not written.
func (k *disk) erase(key string, held bool) {
	if k.failing != nil && !held {
		delete(k.puts, key)
		return
	}
	k.put(key, nil)
}

// after calls fn when all that was put is durable; at once if it will not be.
func (k *disk) after(fn func()) {
	if !k.active() || k.failing != nil {
		fn()
		return
	}
	k.then = append(k.then, fn)
}

// raise keeps the ceiling above the sequences that are given.
func (k *disk) raise() {
	if last := k.client.core.Last(); k.active() && last+block/2 > k.ceiling {
		k.ceiling = last + block
		k.put(keep.CeilingKey, keep.AppendCeiling(k.ceiling))
		ceiling := k.ceiling
		k.after(func() { k.client.core.SetCeiling(ceiling) })
	}
}

// flush begins to write if there is something. The caller holds the mutex.
func (k *disk) flush() {
	if !k.active() {
		return
	}
	k.raise()
	if k.timer == nil && !k.late && len(k.client.core.Unsaved()) > 0 {
		k.timer = k.client.world.After(saveDelay, k.saveLate)
	}
	if k.writing || k.again != nil || len(k.puts)+len(k.then) == 0 && !k.late {
		return
	}
	k.writing = true
	k.client.world.Go(k.write)
}

func (k *disk) saveLate() {
	k.client.mu.Lock()
	defer k.client.mu.Unlock()
	k.timer, k.late = nil, true
	k.flush()
}

func (k *disk) retry() {
	k.client.mu.Lock()
	defer k.client.mu.Unlock()
	if k.again = nil; len(k.puts) == 0 {
		k.late = true
	}
	k.flush()
}

// write writes batches until there is nothing to write.
func (k *disk) write() {
	c := k.client
	c.mu.Lock()
	defer c.mu.Unlock()
	for err := error(nil); err == nil && k.again == nil && (len(k.puts)+len(k.then) > 0 || k.late); {
		k.late = false
		var saves []save
		if k.failing == nil {
			saves = c.cache.collect()
		}
		puts, then := k.take()
		written := c.works.written(puts)
		err = k.unlocked(saves, puts)
		c.cache.saved(saves, puts)
		c.works.keep(puts, written, err)
		k.applied(puts, err)
		for _, fn := range then {
			fn()
		}
		c.pump()
	}
	k.writing = false
	if k.idle != nil {
		close(k.idle)
		k.idle = nil
	}
}

// take takes what is to be written. While the storage fails that is the ceiling alone: what it may have written nobody knows, so
// that the works made meanwhile had better not be in it.
func (k *disk) take() (puts map[string][]byte, then []func()) {
	puts, then, k.then = k.puts, k.then, nil
	if k.failing != nil && !k.client.closed {
		return map[string][]byte{keep.CeilingKey: keep.AppendCeiling(k.ceiling)}, then
	}
	k.puts = map[string][]byte{}
	return puts, then
}

// unlocked writes a batch without the mutex, which it holds again also where a Storage panics: nobody would see why otherwise.
func (k *disk) unlocked(saves []save, puts map[string][]byte) error {
	k.client.mu.Unlock()
	defer k.client.mu.Lock()
	for _, s := range saves {
		puts[s.key] = s.encode()
	}
	return k.apply(puts)
}

func (k *disk) apply(puts map[string][]byte) error {
	changes := make([]transport.StorageChange, 0, len(puts))
	for _, key := range slices.Sorted(maps.Keys(puts)) {
		changes = append(changes, transport.StorageChange{Space: keep.Space, Key: key, Value: puts[key]})
	}
	if len(changes) == 0 {
		return nil
	}
	return k.storage.Apply(changes)
}

// applied notes how it went. What was not written is tried again later, with what is newer on top; nobody waits for it any more.
func (k *disk) applied(puts map[string][]byte, err error) {
	if err == nil {
		if k.failing != nil {
			k.failing, k.tries, k.late = nil, 0, true
			k.log.Info("dstm: the client's storage works again")
		}
		return
	}
	for key, value := range puts {
		if _, newer := k.puts[key]; !newer {
			k.puts[key] = value
		}
	}
	if k.failing == nil {
		k.log.Error("dstm: the client's storage fails; work goes on in memory", "error", err)
	}
	k.failing = err
	for _, fn := range k.then {
		fn()
	}
	k.then = nil
	if !k.over && !k.client.closed {
		k.again = k.client.world.After(min(retryDelay<<min(k.tries, 10), maxRetry), k.retry)
		k.tries++
	}
}

// finish writes what there is, and no more from then on. The caller holds no mutex.
func (k *disk) finish() {
	c := k.client
	c.mu.Lock()
	for k.writing {
		if k.idle == nil {
			k.idle = make(chan struct{})
		}
		idle := k.idle
		c.mu.Unlock()
		c.world.Until(func() bool { return world.Closed(idle) })
		<-idle
		c.mu.Lock()
	}
	if !k.active() {
		c.mu.Unlock()
		return
	}
	for _, stop := range []func(){k.timer, k.again} {
		if stop != nil {
			stop()
		}
	}
	k.writing, k.late, k.again = true, true, nil
	c.mu.Unlock()
	k.write()
	c.mu.Lock()
	defer c.mu.Unlock()
	k.over = true
	if k.again != nil {
		k.again()
	}
}

// tell notes what could not be read.
func (k *disk) tell(key string, err error) {
	k.log.Error("dstm: a record of the client's storage cannot be used; it is left alone", "record", key, "error", err)
	if k.problem == nil {
		k.problem = status.New(status.DataLoss, ErrDamaged, "the record %q of the storage cannot be used", key).Because(err)
	}
}

// StorageErr is what is wrong with the client's Storage, nil if nothing is: the error of the last write, until one succeeds again, or which record
// could not be read, with the reason ErrDamaged. Work goes on in memory, and such a record is kept as it is.
func (c *Client) StorageErr() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.disk.failing != nil:
		return c.disk.failing
	case c.disk.problem != nil:
		return c.disk.problem
	}
	return nil
}
