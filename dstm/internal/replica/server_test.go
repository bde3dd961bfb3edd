package replica

import (
	"fmt"
	"math/rand/v2"

	"github.com/trefoilgo/trefoil/codec"
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
	faults  []string
}

type shared struct {
	root     tree.Node
	version  uint64
	position uint64
	history  []tree.Node // by version
}

type record struct {
	digest   [txn.DigestSize]byte
	position uint64 // 0: refused
	versions []uint64
	objects  []string
	err      *status.Error
	conflict []txn.Conflict
}

// link is one session as the server sees it.
type link struct {
	client   [16]byte
	open     map[string]bool
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
		o = &shared{history: []tree.Node{{}}}
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
	b := frame(kindOpened, theLog, 7)
	b = codec.AppendInt(b, request)
	b = codec.AppendString(b, name)
	b = s.appendState(b, version, position)
	if !resumed {
		l.toClient = append(l.toClient, o.root.AppendValue(b))
		return
	}
	l.toClient = append(l.toClient, codec.AppendNil(b))
	for i := range s.entries {
		for _, part := range s.entries[i].parts {
			if part.object == name && part.version > version {
				l.toClient = append(l.toClient, appendChange(&s.entries[i], func(n string) bool { return n == name }))
			}
		}
	}
}

func (s *naive) appendState(b []byte, version, position uint64) []byte {
	b = codec.AppendString(b, s.epoch)
	b = codec.AppendInt(b, int64(version))
	b = codec.AppendInt(b, int64(position))
	return codec.AppendBytes(b, hashOf(position))
}

func appendChange(e *entry, which func(string) bool) []byte {
	b := frame(kindChange, theLog, 7)
	b = codec.AppendInt(b, int64(e.position))
	b = codec.AppendBytes(b, hashOf(e.position))
	b = codec.AppendInt(b, 0)
	b = codec.AppendBytes(b, e.client[:])
	b = codec.AppendInt(b, int64(e.sequence))
	var parts []effect
	for _, p := range e.parts {
		if which(p.object) {
			parts = append(parts, p)
		}
	}
	b = codec.AppendArray(b, len(parts))
	for _, p := range parts {
		b = codec.AppendArray(b, 3)
		b = codec.AppendString(b, p.object)
		b = codec.AppendInt(b, int64(p.version))
		b = txn.AppendWrites(b, p.writes)
	}
	return codec.AppendNil(b)
}

func (s *naive) commit(l *link, t *txn.Transaction, links []*link) {
	records := s.records[l.client]
	if records == nil {
		records = map[uint64]*record{}
		s.records[l.client] = records
	}
	r := records[t.Sequence]
	before := s.dropped[l.client]
	s.dropped[l.client] = max(before, t.Settled)
	switch {
	case r != nil && r.digest != t.Digest():
		s.faults = append(s.faults, "sequence reused")
	case r != nil && !t.Again:
		s.faults = append(s.faults, "sent again without saying so")
	case r == nil && t.Sequence <= before:
		s.faults = append(s.faults, "settled beyond an unanswered one")
	case r == nil:
		for seq := range records {
			if seq > t.Sequence && !t.Again {
				s.faults = append(s.faults, "sequences do not ascend")
			}
		}
		r = s.decide(l.client, t)
		records[t.Sequence] = r
		if r.position > 0 {
			for _, to := range links {
				e := &s.entries[len(s.entries)-1]
				if some := appendChange(e, func(n string) bool { return to.open[n] }); anyOpen(e, to) {
					to.toClient = append(to.toClient, some)
				}
			}
		}
	}
	if r == nil {
		return
	}
	if kept := s.remembered(l.client); kept > MaxUnanswered {
		s.faults = append(s.faults, fmt.Sprintf("must remember %d", kept))
	}
	l.toClient = append(l.toClient, r.answer(t.Sequence))
}

func anyOpen(e *entry, l *link) bool {
	for _, p := range e.parts {
		if l.open[p.object] {
			return true
		}
	}
	return false
}

func (s *naive) remembered(client [16]byte) (n int) {
	for seq := range s.records[client] {
		if seq > s.dropped[client] && s.records[client][seq].position > 0 {
			n++
		}
	}
	return n
}

func (r *record) answer(sequence uint64) []byte {
	if r.position == 0 {
		b := frame(kindRejected, theLog, 3)
		b = codec.AppendInt(b, int64(sequence))
		b = transport.AppendError(b, r.err)
		return txn.AppendConflicts(b, r.conflict)
	}
	b := frame(kindCommitted, theLog, 3)
	b = codec.AppendInt(b, int64(sequence))
	b = codec.AppendInt(b, int64(r.position))
	b = codec.AppendArray(b, len(r.versions))
	for _, v := range r.versions {
		b = codec.AppendInt(b, int64(v))
	}
	return b
}

func (s *naive) decide(client [16]byte, t *txn.Transaction) *record {
	r := &record{digest: t.Digest()}
	if !t.Again && s.rng.IntN(100) < s.busy {
		r.err = status.New(status.ResourceExhausted, reasonBusy, "busy")
		return r
	}
	own := map[string][]uint64{}
	for _, a := range t.After {
		before := s.records[client][a]
		if before == nil || before.position == 0 || a <= s.dropped[client] {
			if before == nil {
				s.faults = append(s.faults, "depends on what never came")
			}
			r.err = status.New(status.Aborted, reasonDepends, "depends")
			return r
		}
		for i, name := range before.objects {
			own[name] = append(own[name], before.versions[i])
		}
	}
	roots := make([]tree.Node, len(t.Parts))
	for i := range t.Parts {
		p := &t.Parts[i]
		o := s.object(p.Object)
		// The client's own rule for predictions happens to be the server's for commits; the
		// totals that the tests check do not depend on it.
		l := layer{part: p, made: own[p.Object]}
		root, _, err := txn.Apply(o.root, p.Writes, o.version+1)
		if ok, _ := l.holds(&o.root, &o.root); p.Epoch != s.epoch || err != nil || !ok {
			r.err = status.New(status.Aborted, reasonConflict, "conflict")
			r.conflict = []txn.Conflict{{Part: i, Path: tree.Path{"some", "path"}}}
			return r
		}
		roots[i] = root
	}
	e := entry{position: uint64(len(s.entries) + 1), client: client, sequence: t.Sequence}
	for i := range t.Parts {
		o := s.object(t.Parts[i].Object)
		o.root, o.version, o.position = roots[i], o.version+1, e.position
		o.history = append(o.history, o.root)
		e.parts = append(e.parts, effect{object: t.Parts[i].Object, version: o.version, writes: t.Parts[i].Writes})
		r.versions = append(r.versions, o.version)
		r.objects = append(r.objects, t.Parts[i].Object)
	}
	r.position = e.position
	s.entries = append(s.entries, e)
	return r
}
