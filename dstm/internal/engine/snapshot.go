package engine

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// SnapshotFormat is the first byte of a snapshot: a format byte, records, each a length (4
// bytes, big endian) and a canonical msgpack array, a length of 0, and SHA-256 over all that. The records are
//
//	head    [1, epoch, position, hash, time, forgotten, keep, objects, clients]
//	object  [2, name, version, position, hash], followed by its nodes, the root first, children behind their parent
//	map     [3, depth, key, written, keys, below]
//	leaf    [4, depth, key, written, value]
//	client  [5, id, last, settled, position, time, commits, refusals]
//
// with commits = [[sequence, position, digest, [[object, version], ...]], ...] and
// refusals = [[sequence, [code, reason, message, unknown], conflicts], ...].
const SnapshotFormat = 1

const (
	recordHead   = 1
	recordObject = 2
	recordMap    = 3
	recordLeaf   = 4
	recordClient = 5
	// maxRecord bounds a record: a leaf fills one transaction at most, a client record
	// 64 outcomes of 16 parts, or 64 refusals of 8 paths.
	maxRecord = 16 << 20
)

// Snapshot writes the state. keep is for the caller: Restore returns it.
func Snapshot(s *State, keep uint64, to io.Writer) error {
	w := &snapshotWriter{sum: sha256.New(), out: bufio.NewWriterSize(to, 64<<10)}
	w.write([]byte{SnapshotFormat})
	w.head(s, keep)
	for name, o := range s.objects.All() {
		w.object(name, o)
		w.node(0, "", &o.Root)
	}
	for id, c := range s.clients.All() {
		w.client(id, c)
	}
	w.record(nil)
	if w.err == nil {
		_, w.err = w.out.Write(w.sum.Sum(nil))
	}
	if w.err == nil {
		w.err = w.out.Flush()
	}
	return w.err
}

// snapshotWriter keeps the first error.
type snapshotWriter struct {
	out *bufio.Writer
	sum hash.Hash
	buf []byte
	err error
}

func (w *snapshotWriter) write(b []byte) {
	if w.err == nil {
		w.sum.Write(b)
		_, w.err = w.out.Write(b)
	}
}

func (w *snapshotWriter) record(b []byte) {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(b)))
	w.write(n[:])
	w.write(b)
	w.buf = b[:0]
}

// begin begins a record of n elements.
func (w *snapshotWriter) begin(n, kind int) []byte {
	return codec.AppendInt(codec.AppendArray(w.buf[:0], n), int64(kind))
}

func appendCounters(b []byte, counters ...uint64) []byte {
	for _, c := range counters {
		b = codec.AppendInt(b, int64(c))
	}
	return b
}

func (w *snapshotWriter) head(s *State, keep uint64) {
	b := codec.AppendString(w.begin(9, recordHead), s.Epoch)
	b = codec.AppendBytes(appendCounters(b, s.Position), s.Hash[:])
	b = codec.AppendInt(b, s.Time)
	w.record(appendCounters(b, s.Forgotten, keep, uint64(s.objects.Len()), uint64(s.clients.Len())))
}

func (w *snapshotWriter) object(name string, o *Object) {
	b := codec.AppendString(w.begin(5, recordObject), name)
	b = appendCounters(b, o.Version, o.Position)
	w.record(codec.AppendBytes(b, o.Hash[:]))
}

// node writes a node and all below it. It recurses no deeper than tree.MaxDepth.
func (w *snapshotWriter) node(depth int, key string, n *tree.Node) {
	if w.err != nil {
		return
	}
	if !n.IsMap() {
		b := appendCounters(w.begin(5, recordLeaf), uint64(depth))
		b = appendCounters(codec.AppendString(b, key), n.Written)
		w.record(append(b, n.Leaf...))
		return
	}
	b := appendCounters(w.begin(6, recordMap), uint64(depth))
	w.record(appendCounters(codec.AppendString(b, key), n.Written, n.Keys, n.Below))
	for key, kid := range n.Kids.All() {
		w.node(depth+1, key, kid)
	}
}

func (w *snapshotWriter) client(id string, c *Client) {
	b := codec.AppendBytes(w.begin(8, recordClient), []byte(id))
	b = appendCounters(b, c.Last, c.Settled, c.Position)
	b = codec.AppendInt(b, c.Time)
	b = codec.AppendArray(b, len(c.Commits))
	for i := range c.Commits {
		o := &c.Commits[i]
		b = appendCounters(codec.AppendArray(b, 4), o.Sequence, o.Position)
		b = codec.AppendBytes(b, o.Digest[:])
		b = codec.AppendArray(b, len(o.Parts))
		for _, m := range o.Parts {
			b = codec.AppendString(codec.AppendArray(b, 2), m.Object)
			b = appendCounters(b, m.Version)
		}
	}
	b = codec.AppendArray(b, len(c.Refusals))
	for i := range c.Refusals {
		b = appendCounters(codec.AppendArray(b, 3), c.Refusals[i].Sequence)
		b = appendRefusal(b, &c.Refusals[i].Refusal)
	}
	w.record(b)
}
