package engine

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// Restore reads what Snapshot wrote, and keep. A snapshot that is not exactly that is ErrDamaged, one of a newer
// format ErrFormat; an error of from is returned as it is.
func Restore(opts Options, from io.Reader) (s State, keep uint64, err error) {
	r := &snapshotReader{in: bufio.NewReaderSize(from, 64<<10), sum: sha256.New(), state: New(opts)}
	format := r.read(1)
	if r.err == nil {
		r.err = checkFormat("the snapshot", format[0], SnapshotFormat)
	}
	for r.next() {
	}
	if r.err != nil {
		return State{}, 0, r.err
	}
	return r.state, r.keep, nil
}

// snapshotReader keeps the first error.
type snapshotReader struct {
	in  *bufio.Reader
	sum hash.Hash
	buf []byte
	err error

	state   State
	keep    uint64
	started bool
	left    [2]uint64 // objects and clients still to come

	name   string // of the object being read, if open is not empty
	object Object
	open   []openNode
}

// openNode is a node whose children may still come.
type openNode struct {
	key  string
	node tree.Node
}

func (r *snapshotReader) fail() bool {
	if r.err == nil {
		r.err = damaged("the snapshot is damaged")
	}
	return false
}

// read returns the next n bytes, valid until the next read.
func (r *snapshotReader) read(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.buf) {
		// Grow with what has arrived: the length may be a lie.
		grown := bytes.NewBuffer(r.buf[:0])
		if _, err := io.CopyN(grown, r.in, int64(n)); err != nil {
			r.readError(err)
			return nil
		}
		b := grown.Bytes()
		r.buf = b[:cap(b)]
	} else if _, err := io.ReadFull(r.in, r.buf[:n]); err != nil {
		r.readError(err)
		return nil
	}
	r.sum.Write(r.buf[:n])
	return r.buf[:n]
}

func (r *snapshotReader) readError(err error) {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		r.fail()
		return
	}
	r.err = err
}

// next reads one record and reports whether there may be more.
func (r *snapshotReader) next() bool {
	head := r.read(4)
	if r.err != nil {
		return false
	}
	n := binary.BigEndian.Uint32(head)
	if n == 0 {
		return r.end()
	}
	if n > maxRecord {
		return r.fail()
	}
	record := r.read(int(n))
	if r.err != nil {
		return false
	}
	if !codec.IsCanonical(record) {
		return r.fail()
	}
	outer := codec.NewReader(record, 1)
	a := outer.Array()
	kind := a.Int()
	ok := false
	switch {
	case !r.started:
		ok = kind == recordHead && r.readHead(&a)
		r.started = true
	case kind == recordObject:
		ok = r.close(0) && r.readObject(&a)
	case kind == recordMap || kind == recordLeaf:
		ok = r.readNode(&a, kind == recordLeaf)
	case kind == recordClient:
		ok = r.close(0) && r.readClient(&a)
	}
	if !ok || a.Err() != nil || a.Len() != 0 {
		return r.fail()
	}
	return true
}

func (r *snapshotReader) end() bool {
	want := r.sum.Sum(nil)
	if !r.started || !r.close(0) || r.left != [2]uint64{} || !bytes.Equal(r.read(len(want)), want) {
		return r.fail()
	}
	if _, err := r.in.ReadByte(); err != io.EOF {
		return r.fail()
	}
	return false
}

func (r *snapshotReader) readHead(a *codec.Reader) bool {
	r.state.Epoch, r.state.Position = a.String(), counter(a)
	ok := fixed(r.state.Hash[:], a)
	r.state.Time, r.state.Forgotten = a.Int(), counter(a)
	r.keep, r.left[0], r.left[1] = counter(a), counter(a), counter(a)
	return ok && validEpoch(r.state.Epoch) && r.state.Position > 0
}

func (r *snapshotReader) readObject(a *codec.Reader) bool {
	r.name = a.String()
	r.object = Object{Version: counter(a), Position: counter(a)}
	r.left[0]--
	r.open = append(r.open, openNode{}) // stands for the object until its root comes
	return fixed(r.object.Hash[:], a) && txn.ValidName(r.name) && r.state.objects.Get(r.name) == nil
}

// readNode reads a node; open[0] stands for the object, open[d+1] is the node at depth d.
func (r *snapshotReader) readNode(a *codec.Reader, leaf bool) bool {
	depth := int(a.Int())
	n := openNode{key: a.String()}
	n.node.Written = counter(a)
	if leaf {
		value := a.Raw()
		v := codec.NewReader(value, 1)
		if v.Kind() == codec.Map {
			return false
		}
		n.node.Leaf = append(make(codec.Raw, 0, len(value)), value...)
	} else {
		n.node.Keys, n.node.Below = counter(a), counter(a)
	}
	if a.Err() != nil || len(r.open) == 0 || depth < 0 || depth+1 > len(r.open) || depth > tree.MaxDepth {
		return false
	}
	if depth == 0 && (leaf || len(r.open) != 1) || depth > 0 && !tree.ValidKey(n.key) {
		return false
	}
	if !r.close(depth + 1) {
		return false
	}
	if depth > 0 && !r.open[depth].node.IsMap() {
		return false
	}
	r.open = append(r.open, n)
	return true
}

// close hangs the nodes that are open beyond the first n into their parents.
func (r *snapshotReader) close(n int) bool {
	for len(r.open) > max(n, 2) {
		last := len(r.open) - 1
		kid, parent := &r.open[last], &r.open[last-1]
		parent.node.Kids = parent.node.Kids.Put(kid.key, kid.node)
		r.open = r.open[:last]
	}
	if n > 0 || len(r.open) == 0 {
		return true
	}
	if len(r.open) != 2 { // an object without a root
		return false
	}
	r.object.Root = r.open[1].node
	r.state.objects = r.state.objects.Put(r.name, r.object)
	r.open = r.open[:0]
	return true
}

func (r *snapshotReader) readClient(a *codec.Reader) bool {
	var id ID
	ok := fixed(id[:], a)
	c := Client{Last: counter(a), Settled: counter(a), Position: counter(a), Time: a.Int()}
	for list := a.Array(); ok && list.Len() > 0; {
		o := list.Array()
		commit := Committed{Sequence: counter(&o), Position: counter(&o)}
		ok = fixed(commit.Digest[:], &o)
		for parts := o.Array(); ok && parts.Len() > 0; {
			m := parts.Array()
			commit.Parts = append(commit.Parts, Made{Object: m.String(), Version: counter(&m)})
			ok = m.Err() == nil
		}
		ok = ok && o.Err() == nil && o.Len() == 0
		c.Commits = append(c.Commits, commit)
	}
	for list := a.Array(); ok && list.Len() > 0; {
		o := list.Array()
		refused := Refused{Sequence: counter(&o)}
		ok = readRefusal(&o, &refused.Refusal) && o.Err() == nil && o.Len() == 0
		c.Refusals = append(c.Refusals, refused)
	}
	key := string(id[:])
	if !ok || a.Err() != nil || r.state.clients.Get(key) != nil || r.state.ages.Get(age(c.Position)) != nil {
		return false
	}
	r.left[1]--
	r.state.clients = r.state.clients.Put(key, c)
	r.state.ages = r.state.ages.Put(age(c.Position), key)
	return true
}
