package replica

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/lens"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// naive is a server that keeps everything and does the obvious.
type naive struct {
	rng     *rand.Rand
	epoch   string
	objects map[string]*shared
	entries []entry
	records map[[16]byte]map[uint64]*record
	dropped map[[16]byte]uint64 // settled
	busy    int                 // of 100 first sendings refused as busy
	forget  int                 // of 100 openings answered with a snapshot
	cut     int                 // of 100 snapshots sent in pieces
	limits  Limits
	faults  []string
	losing  bool // clients may have forgotten what they depend on
}

type shared struct {
	strict    bool
	root      tree.Node
	version   uint64
	position  uint64
	history   []tree.Node // by version
	positions []uint64    // by version
}

// link is one session as the server sees it.
type link struct {
	client   [16]byte
	open     map[string]bool
	readable map[string][]tree.Path // by object; absent: everything
	toServer [][]byte
	toClient [][]byte
}

const theLog = "log"

func newNaive(rng *rand.Rand) *naive {
	return &naive{
		rng: rng, epoch: "e1", objects: map[string]*shared{},
		records: map[[16]byte]map[uint64]*record{}, dropped: map[[16]byte]uint64{},
	}
}

func (s *naive) object(name string) *shared {
	o := s.objects[name]
	if o == nil {
		o = &shared{history: []tree.Node{{}}, positions: []uint64{0}}
		s.objects[name] = o
	}
	return o
}

func frame(kind int, stream string, n int) []byte {
	b := transport.AppendHeader(nil, 3+n, transport.NumberDSTM, kind)
	return codec.AppendString(b, stream)
}

func parse(b []byte) (transport.Frame, error) {
	if _, err := codec.Check(b); err != nil {
		return transport.Frame{}, err
	}
	outer := codec.NewReader(b, 1)
	r := outer.Array()
	r.Int()
	f := transport.Frame{Kind: int(r.Int()), Stream: r.Raw()}
	f.Body = r
	return f, r.Err()
}

func hashOf(position uint64) []byte {
	b := make([]byte, 8)
	if position > 0 {
		b[0], b[7] = 0xab, byte(position)
	}
	return b
}

// handle takes one frame of l; links are all that live.
func (s *naive) handle(l *link, b []byte, links []*link) {
	f, err := parse(b)
	if err != nil {
		s.faults = append(s.faults, "frame: "+err.Error())
		return
	}
	switch f.Kind {
	case kindOpen:
		s.open(l, &f.Body)
	case kindClose:
		l.open[f.Body.String()] = false
	case kindCommit:
		t, err := txn.Decode(&f.Body)
		if err != nil {
			s.faults = append(s.faults, "commit: "+err.Error())
			return
		}
		s.commit(l, t, links)
	case kindHistory:
		s.tell(l, &f.Body)
	case kindAt:
		s.recall(l, &f.Body)
	default:
		s.faults = append(s.faults, fmt.Sprint("kind ", f.Kind))
	}
}

func (s *naive) open(l *link, r *codec.Reader) {
	request, name := r.Int(), r.String()
	o := s.object(name)
	l.open[name] = true
	version, position, resumed := o.version, o.position, false
	if !r.Nil() {
		a := r.Array()
		epoch, v, p, hash := a.String(), uint64(a.Int()), uint64(a.Int()), a.Bytes()
		if epoch == s.epoch && (v > o.version || string(hash) != string(hashOf(p))) {
			s.faults = append(s.faults, "a resume point that never was")
		}
		if epoch == s.epoch && s.rng.IntN(100) >= s.forget {
			version, position, resumed = v, p, true
		}
	}
	b := frame(kindOpened, theLog, 11)
	b = codec.AppendInt(b, request)
	b = codec.AppendString(b, name)
	b = s.appendPoint(b, version, position)
	if resumed {
		b = codec.AppendNil(codec.AppendNil(b))
		l.toClient = append(l.toClient, s.appendTerms(b, l, name, false))
		for i := range s.entries {
			for _, part := range s.entries[i].parts {
				if part.object == name && part.version > version {
					l.toClient = append(l.toClient, l.appendChange(&s.entries[i], func(n string) bool { return n == name }))
				}
			}
		}
	} else {
		s.snapshot(l, name, func(value, shape codec.Raw, pieces bool) []byte {
			b = append(b, value...)
			b = txn.AppendOptional(b, shape)
			return s.appendTerms(b, l, name, pieces)
		})
	}
	s.current(l)
}

// reset sends a reset that nobody asked for.
func (s *naive) reset(l *link, name string) {
	o := s.object(name)
	s.snapshot(l, name, func(value, shape codec.Raw, pieces bool) []byte {
		b := codec.AppendString(frame(kindReset, theLog, 11), name)
		b = s.appendPoint(b, o.version, o.position)
		b = append(b, value...)
		b = codec.AppendString(b, "why not")
		b = txn.AppendOptional(b, shape)
		return s.appendTerms(b, l, name, pieces)
	})
	s.current(l)
}

// snapshot sends what l may read of an object, whole or in pieces.
func (s *naive) snapshot(l *link, name string, first func(value, shape codec.Raw, pieces bool) []byte) {
	whole := l.see(name, &s.object(name).root)
	if s.rng.IntN(100) >= s.cut {
		l.toClient = append(l.toClient, first(whole.Value(), whole.Shape(), false))
		return
	}
	l.toClient = append(l.toClient, first(codec.AppendMap(nil, 0), nil, true))
	writes := take(nil, whole)
	for last := false; !last; {
		n := s.rng.IntN(min(3, len(writes)+1))
		some := writes[:n]
		writes = writes[n:]
		last = len(writes) == 0
		b := codec.AppendString(frame(kindPiece, theLog, 3), name)
		b = codec.AppendBool(b, last)
		l.toClient = append(l.toClient, txn.AppendWrites(b, some))
	}
}

// take lists writes that make a tree: one for each leaf, each element, and each empty map or list.
func take(path tree.Path, n *tree.Node) (writes []txn.Write) {
	for key, kid := range n.Children() {
		at := append(path[:len(path):len(path)], key)
		switch {
		case n.IsList():
			writes = append(writes, txn.Write{
				Op: txn.OpInsert, Path: path, ID: key, Place: tree.Place{Where: tree.Last}, Value: kid.Value(), Shape: kid.Shape(),
			})
		case kid.IsLeaf() || kid.Len() == 0:
			writes = append(writes, txn.Write{Op: txn.OpSet, Path: at, Value: kid.Value(), Shape: kid.Shape()})
		default:
			writes = append(writes, take(at, kid)...)
		}
	}
	return writes
}

// see is what l may read of a tree.
func (l *link) see(name string, root *tree.Node) *tree.Node {
	paths, restricted := l.readable[name]
	if !restricted {
		return root
	}
	var out tree.Node
	for _, path := range paths {
		if n := root.Find(path); n != nil {
			out, _ = out.Set(path, n.Value(), n.Shape(), 0)
		}
	}
	return &out
}

func (s *naive) current(l *link) {
	l.toClient = append(l.toClient, codec.AppendInt(frame(kindCurrent, theLog, 1), int64(len(s.entries))))
}

func (s *naive) appendPoint(b []byte, version, position uint64) []byte {
	b = codec.AppendString(b, s.epoch)
	b = codec.AppendInt(b, int64(version))
	b = codec.AppendInt(b, int64(position))
	return codec.AppendBytes(b, hashOf(position))
}

func (s *naive) appendTerms(b []byte, l *link, name string, pieces bool) []byte {
	flags := int64(0)
	if s.object(name).strict {
		flags |= flagStrict
	}
	if pieces {
		flags |= flagPieces
	}
	b = codec.AppendInt(b, flags)
	if paths, ok := l.readable[name]; ok {
		b = codec.AppendArray(b, len(paths))
		for _, path := range paths {
			b = txn.AppendPath(b, path)
		}
	} else {
		b = codec.AppendNil(b)
	}
	b = codec.AppendMap(b, 4)
	for _, limit := range []struct {
		name string
		is   int
	}{{"object", s.limits.Object}, {"operations", s.limits.Operations}, {"transaction", s.limits.Transaction}, {"unknown", 7}} {
		b = codec.AppendInt(codec.AppendString(b, limit.name), int64(limit.is))
	}
	return b
}

// appendChange is a change as somebody gets it who may read everything.
func appendChange(e *entry, which func(string) bool) []byte {
	return (&link{client: e.client}).appendChange(e, which)
}

func (l *link) appendChange(e *entry, which func(string) bool) []byte {
	var parts []effect
	hidden := true
	for _, p := range e.parts {
		if !which(p.object) {
			continue
		}
		if paths, restricted := l.readable[p.object]; restricted {
			p.writes = lens.New(paths).Writes(p.writes)
		}
		hidden = hidden && len(p.writes) == 0
		parts = append(parts, p)
	}
	client, sequence := e.client, e.sequence
	if hidden && client != l.client {
		client, sequence = [16]byte{}, 0
	}
	b := frame(kindChange, theLog, 7)
	b = codec.AppendInt(b, int64(e.position))
	b = codec.AppendBytes(b, hashOf(e.position))
	b = codec.AppendTime(b, time.Unix(int64(e.position), 0))
	b = codec.AppendBytes(b, client[:])
	b = codec.AppendInt(b, int64(sequence))
	b = codec.AppendArray(b, len(parts))
	for _, p := range parts {
		b = codec.AppendArray(b, 3)
		b = codec.AppendString(b, p.object)
		b = codec.AppendInt(b, int64(p.version))
		b = txn.AppendWrites(b, p.writes)
	}
	return codec.AppendNil(b)
}

// tell answers a history.
func (s *naive) tell(l *link, r *codec.Reader) {
	request, name, from, to := r.Int(), r.String(), uint64(r.Int()), uint64(r.Int())
	about := func(kind, n int) []byte {
		return codec.AppendString(codec.AppendInt(frame(kind, "", n), request), name)
	}
	if to == 0 {
		to = s.object(name).version
	}
	if to > s.object(name).version || from > to {
		err := status.New(status.OutOfRange, reason.History, "there is no such version")
		l.toClient = append(l.toClient, transport.AppendError(about(kindDone, 3), err))
		return
	}
	for i := range s.entries {
		e := &s.entries[i]
		for _, p := range e.parts {
			if p.object != name || p.version <= from || p.version > to {
				continue
			}
			if paths, restricted := l.readable[name]; restricted {
				p.writes = lens.New(paths).Writes(p.writes)
			}
			b := about(kindRevision, 10)
			b = codec.AppendInt(b, int64(p.version))
			b = codec.AppendInt(b, int64(e.position))
			b = codec.AppendTime(b, time.Unix(int64(e.position), 0))
			b = codec.AppendBytes(b, e.client[:])
			b = codec.AppendString(b, "somebody")
			b = codec.AppendInt(b, int64(e.sequence))
			b = txn.AppendWrites(b, p.writes)
			l.toClient = append(l.toClient, codec.AppendNil(b))
		}
	}
	l.toClient = append(l.toClient, codec.AppendNil(about(kindDone, 3)))
}

// recall answers an at.
func (s *naive) recall(l *link, r *codec.Reader) {
	request, name, version := r.Int(), r.String(), uint64(r.Int())
	o := s.object(name)
	if version > o.version {
		b := codec.AppendString(codec.AppendInt(frame(kindDone, "", 3), request), name)
		l.toClient = append(l.toClient, transport.AppendError(b, status.New(status.OutOfRange, reason.History, "there is no such version")))
		return
	}
	b := codec.AppendString(codec.AppendInt(frame(kindState, "", 8), request), name)
	b = s.appendPoint(b, version, o.positions[version])
	n := l.see(name, &o.history[version])
	b = n.AppendValue(b)
	l.toClient = append(l.toClient, n.AppendShape(b))
}
