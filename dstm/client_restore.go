package dstm

import (
	"cmp"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/trefoilgo/trefoil/dstm/internal/keep"
	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/status"
)

func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// prepare makes what named transactions and the storage need, and takes up what a process before has left.
func (c *Client) prepare(o *ClientOptions) {
	c.works = works{runs: map[uint64]*work{}, registry: map[string]*named{}, watchers: map[chan struct{}]struct{}{}, held: map[string]bool{}}
	for _, t := range o.Transactions {
		d := t.definition()
		if c.works.registry[d.name] != nil {
			panic("dstm: two of ClientOptions.Transactions are called " + strconv.Quote(d.name))
		}
		c.works.registry[d.name] = d
	}
	c.disk = disk{client: c, storage: o.Storage, log: cmp.Or(o.Logger, slog.Default()), puts: map[string][]byte{}}
	c.cache = cache{client: c, limit: cmp.Or(o.MaxCached, 32), most: cmp.Or(o.MaxCachedBytes, 64<<20)}

	// Sequences ascend over all processes that ever use the client's key: microseconds since
	// 1970 do, as long as clocks do; what is stored does in any case (docs/decisions/0005-client-replica.md, 0016-offline.md).
	start := uint64(max(c.world.Now().UnixMicro(), 0))
	data := c.load()
	if raw, ok := data[keep.CeilingKey]; ok {
		ceiling, err := keep.Ceiling(raw)
		switch {
		case errors.Is(err, keep.ErrNewer): // all of it is that version's
			c.disk.tell(keep.CeilingKey, err)
			c.disk.storage, data = nil, nil
		case err != nil:
			c.disk.tell(keep.CeilingKey, err)
			c.disk.put(keep.AsidePrefix+keep.CeilingKey, raw)
		}
		start = max(start, ceiling)
	}
	c.core = replica.New(start, c.maxPending)
	if c.disk.storage == nil {
		return
	}
	c.core.Track()
	list := c.restoreWorks(data)
	c.restoreObjects(list, data)
	c.disk.raise()
	c.disk.writing = true
	c.disk.write() // nothing goes out before the ceiling is stored
}

// load reads the storage. What cannot be read is left alone.
func (c *Client) load() map[string][]byte {
	k := &c.disk
	if k.storage == nil {
		return nil
	}
	data, err := k.storage.Load(keep.Space)
	if err != nil {
		k.log.Error("dstm: the client's storage cannot be read; work goes on in memory", "error", err)
		k.problem = status.New(status.DataLoss, ErrDamaged, "the storage cannot be read").Because(err)
		k.storage = nil
	}
	return data
}

// restoreWorks takes up the works and the items of the inbox.
func (c *Client) restoreWorks(data map[string][]byte) (restored []*work) {
	s := &c.works
	taken := map[uint64]bool{}
	for _, key := range keysOf(data) {
		var err error
		id := ""
		switch {
		case strings.HasPrefix(key, keep.WorkPrefix):
			id = key[len(keep.WorkPrefix):]
			var k *keep.Work
			if k, err = keep.ReadWork(id, data[key]); err == nil && taken[k.Sequence] {
				err = keep.ErrDamaged
			}
			if err == nil {
				taken[k.Sequence] = k.Sequence != 0
				w := &work{Work: *k, named: s.registry[k.Name], kept: []run{{k.Sequence, k.Sent}}}
				w.handle = c.handle(w)
				w.handle.durable = true
				close(w.handle.stored)
				s.size(w, len(data[key]))
				s.order = append(s.order, w)
				restored = append(restored, w)
			}
		case strings.HasPrefix(key, keep.ItemPrefix):
			id = key[len(keep.ItemPrefix):]
			var k *keep.Item
			if k, err = keep.ReadItem(id, data[key]); err == nil {
				s.items = append(s.items, k)
				s.held[id] = true
				s.bytes += len(data[key])
			}
		default:
			continue
		}
		if err != nil {
			c.disk.tell(key, err)
		}
		if n, err := strconv.ParseUint(id, 16, 64); err == nil && n < keep.MaxCeiling { // also of one that cannot be read: nothing is written over it
			s.last = max(s.last, n)
		}
	}
	return restored
}

// restoreObjects opens the objects of the works, and shows what is pending there.
func (c *Client) restoreObjects(restored []*work, data map[string][]byte) {
	var list []keep.Cached
	if raw, ok := data[keep.CacheKey]; ok {
		var err error
		if list, err = keep.Cache(raw); err != nil { // only an order is lost
			c.disk.tell(keep.CacheKey, err)
		}
	}
	c.cache.load(list, data)
	for _, w := range restored {
		if w.Sequence == 0 {
			continue
		}
		c.works.runs[w.Sequence] = w
		c.core.Restore(w.Log, w.Transaction, w.Sent, w.Hidden)
	}
	c.core.Restored(c.disk.storage.Key().Client())
	for _, w := range restored {
		for _, name := range w.Objects {
			s := c.share(name)
			s.users++
			w.uses = append(w.uses, s)
		}
	}
}
