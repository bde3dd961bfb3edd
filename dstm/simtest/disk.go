package simtest

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// disk is what a log is kept on: by one node alone, as a file, or by several, as a database is. What an
// Append has written is lost by a crash until it is synced, or is not.
type disk struct {
	s       *simulation
	shared  bool
	entries [][]byte // all that were ever durable, from position 1
	base    uint64   // up to here the log was truncated
	pending *pending // written, not synced

	pieces map[string]dstm.Piece

	old *disk // a copy that somebody made once
}

type pending struct{ entries [][]byte }

func (d *disk) head() uint64 { return uint64(len(d.entries)) }

// crash is the end of the only node's process and machine: what was not synced may be gone.
func (d *disk) crash() {
	if d.pending == nil {
		return
	}
	if d.s.k.chance(2) {
		d.entries = append(d.entries, d.pending.entries...)
		d.s.count.add("unsynced appends kept")
	} else {
		d.s.count.add("unsynced appends lost")
	}
	d.pending = nil
}

// copy puts a copy by.
func (d *disk) copy() {
	c := *d
	c.entries = slices.Clone(d.entries)
	c.old, c.pending = nil, nil
	d.old = &c
}

// handle is one node's log.
type handle struct {
	disk   *disk
	node   *node
	closed bool
}

var _ dstm.Log = (*handle)(nil)

func (h *handle) usable(ctx context.Context) error {
	if h.closed {
		return status.New(status.Unavailable, dstm.ErrLogClosed, "the log is closed")
	}
	return ctx.Err()
}

// Head implements dstm.Log.
func (h *handle) Head(ctx context.Context) (dstm.Position, error) {
	return dstm.Position(h.disk.head()), h.usable(ctx)
}

// Append implements dstm.Log.
func (h *handle) Append(ctx context.Context, after dstm.Position, batch dstm.Batch) (dstm.Position, error) {
	d, k := h.disk, h.disk.s.k
	h.at("before append", h.disk.s.disk)
	if err := h.usable(ctx); err != nil {
		return 0, err
	}
	if uint64(after) != d.head() {
		d.s.count.add("appends moved")
		return 0, status.New(status.Aborted, dstm.ErrMoved, "the head of the log is %d, not %d", d.head(), after)
	}
	entries := make([][]byte, len(batch.Entries))
	for i, e := range batch.Entries {
		entries[i] = bytes.Clone(e)
	}
	if d.shared {
		return h.appendShared(after, entries)
	}
	if d.s.calm || !k.chance(d.s.failing) {
		d.pending = &pending{entries}
		h.at("after append before sync", h.disk.s.disk)
		d.pending = nil
		d.entries = append(d.entries, entries...)
		k.note("%s: log at %d", h.node.owner.name, d.head())
		h.at("after sync before answer", h.disk.s.disk)
		return dstm.Position(d.head()), nil
	}
	h.closed = true
	d.s.count.add("disk errors")
	k.note("%s: the disk fails", h.node.owner.name)
	switch k.rng.IntN(3) {
	case 0:
		return 0, status.New(status.Unavailable, dstm.ErrLogClosed, "no space left on device")
	case 1:
		d.entries = append(d.entries, entries...)
	}
	return 0, status.New(status.Unavailable, dstm.ErrUncertain, "the sync failed").MaybeDone()
}

// appendShared appends to a log of several nodes, whose answer may be lost, or overtaken.
func (h *handle) appendShared(after dstm.Position, entries [][]byte) (dstm.Position, error) {
	d, k := h.disk, h.disk.s.k
	write := func() {
		if uint64(after) == d.head() {
			d.entries = append(d.entries, entries...)
			k.note("%s: log at %d", h.node.owner.name, d.head())
		}
	}
	uncertain := status.New(status.Unavailable, dstm.ErrUncertain, "no answer").MaybeDone()
	if d.s.calm || !k.chance(d.s.failing) {
		write()
		h.at("after sync before answer", h.disk.s.disk)
		return after + dstm.Position(len(entries)), nil
	}
	d.s.count.add("uncertain appends")
	switch k.rng.IntN(3) {
	case 0:
		write()
	case 1:
		k.after(k.between(0, 50*time.Millisecond), write)
	}
	return 0, uncertain
}

// at lets time pass at a point where a crash is of interest.
func (h *handle) at(point string, most time.Duration) {
	h.node.point = point
	k := h.disk.s.k
	k.pause(k.between(0, most))
	h.node.point = ""
}

// Read implements dstm.Log.
func (h *handle) Read(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
	return func(yield func(dstm.Entry, error) bool) {
		d := h.disk
		for next := uint64(after) + 1; ; next++ {
			if next > d.head() {
				d.s.k.await(func() bool { return next <= d.head() || h.closed || ctx.Err() != nil })
				if d.shared {
					d.s.k.pause(d.s.k.between(0, d.s.lag))
				}
			}
			if ctx.Err() != nil {
				return
			}
			if err := h.usable(ctx); err != nil {
				yield(dstm.Entry{}, err)
				return
			}
			if next <= d.base {
				yield(dstm.Entry{}, status.New(status.OutOfRange, dstm.ErrTruncated, "the log begins behind %d", d.base))
				return
			}
			if !yield(dstm.Entry{Position: dstm.Position(next), Data: d.entries[next-1]}, nil) {
				return
			}
		}
	}
}

// Save implements dstm.Log.
func (h *handle) Save(ctx context.Context, pieces []dstm.Piece) error {
	for i := range pieces {
		if err := pieces[i].Check(); err != nil {
			return err
		}
	}
	h.at("in a checkpoint", 3*h.disk.s.disk)
	if err := h.usable(ctx); err != nil {
		return err
	}
	d := h.disk
	if !d.s.calm && d.s.k.chance(4*d.s.failing) {
		d.s.count.add("failed checkpoints")
		return status.New(status.Unavailable, "", "this time not")
	}
	d.pieces = maps.Clone(d.pieces) // a copy may have the old ones
	for _, p := range pieces {
		stored, there := d.pieces[p.Key]
		switch {
		case there && stored.Position > p.Position:
		case p.Value == nil:
			delete(d.pieces, p.Key)
		default:
			p.Value = bytes.Clone(p.Value)
			d.pieces[p.Key] = p
		}
	}
	d.s.count.add("saves")
	h.at("in a checkpoint", 3*h.disk.s.disk)
	return nil
}

// Load implements dstm.Log.
func (h *handle) Load(ctx context.Context, key string) (dstm.Piece, error) {
	if h.disk.s.k.task != nil {
		h.at("", h.disk.s.disk)
	}
	if p, ok := h.disk.pieces[key]; ok {
		return p, h.usable(ctx)
	}
	return dstm.Piece{Key: key}, h.usable(ctx)
}

// List implements dstm.Log.
func (h *handle) List(ctx context.Context, prefix, after string) iter.Seq2[dstm.Piece, error] {
	return func(yield func(dstm.Piece, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(h.disk.pieces)) {
			if !strings.HasPrefix(key, prefix) || key <= after {
				continue
			}
			if err := h.usable(ctx); err != nil {
				yield(dstm.Piece{}, err)
				return
			}
			if p, ok := h.disk.pieces[key]; ok && !yield(p, nil) {
				return
			}
		}
	}
}

// Keys implements dstm.Log.
func (h *handle) Keys(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for p, err := range h.List(ctx, prefix, after) {
			if !yield(p.Key, err) {
				return
			}
		}
	}
}

// Truncate implements dstm.Log.
func (h *handle) Truncate(ctx context.Context, upto dstm.Position) error {
	if uint64(upto) > h.disk.head() {
		h.disk.s.k.fail("the log is to be truncated beyond its head")
	}
	if uint64(upto) > h.disk.base {
		h.disk.s.count.add("truncations")
	}
	h.disk.base = max(h.disk.base, uint64(upto))
	return h.usable(ctx)
}

// Close implements dstm.Log.
func (h *handle) Close() error {
	h.closed = true
	return nil
}
