package replica

import (
	"fmt"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// record is what the naive server knows of one transaction.
type record struct {
	digest   [txn.DigestSize]byte
	position uint64 // 0: refused
	versions []uint64
	objects  []string
	err      *status.Error
	conflict []txn.Conflict
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
		s.checkReads(l, t)
		r = s.decide(l.client, t)
		if r.err == nil && !slices.ContainsFunc(t.Parts, func(p txn.Part) bool { return len(p.Writes) > 0 }) {
			break // not remembered
		}
		records[t.Sequence] = r
		if r.position > 0 {
			e := &s.entries[len(s.entries)-1]
			for _, to := range links {
				if anyOpen(e, to) {
					to.toClient = append(to.toClient, to.appendChange(e, func(n string) bool { return to.open[n] }))
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

// checkReads finds fault with reads of what is not readable.
func (s *naive) checkReads(l *link, t *txn.Transaction) {
	for i := range t.Parts {
		paths, restricted := l.readable[t.Parts[i].Object]
		for _, r := range t.Parts[i].Reads {
			if restricted && !slices.ContainsFunc(paths, r.Path.Starts) {
				s.faults = append(s.faults, fmt.Sprintf("reads %v, which is not readable", r.Path))
			}
		}
	}
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
	if r.err != nil {
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
		r.err = status.New(status.ResourceExhausted, reason.Busy, "busy")
		return r
	}
	own := map[string][]uint64{}
	for _, a := range t.After {
		before := s.records[client][a]
		if a <= s.dropped[client] && before != nil && before.position > 0 {
			continue // settled and forgotten counts as committed
		}
		if before == nil || before.position == 0 {
			if before == nil && !s.losing {
				s.faults = append(s.faults, "depends on what never came")
			}
			r.err = status.New(status.Aborted, reason.Depends, "depends")
			return r
		}
		for i, name := range before.objects {
			own[name] = append(own[name], before.versions[i])
		}
	}
	roots := make([]tree.Node, len(t.Parts))
	for i := range t.Parts {
		p := &t.Parts[i]
		root, ok := s.judge(p, own[p.Object])
		if !ok || p.Epoch != s.epoch {
			r.err = status.New(status.Aborted, reason.Conflict, "conflict")
			r.conflict = []txn.Conflict{{Part: i, Path: tree.Path{"some", "path"}}}
			return r
		}
		roots[i] = root
	}
	e := entry{position: uint64(len(s.entries) + 1), client: client, sequence: t.Sequence}
	for i := range t.Parts {
		o := s.object(t.Parts[i].Object)
		if len(t.Parts[i].Writes) > 0 {
			o.root, o.version, o.position = roots[i], o.version+1, e.position
			o.history, o.positions = append(o.history, o.root), append(o.positions, e.position)
			e.parts = append(e.parts, effect{object: t.Parts[i].Object, version: o.version, writes: t.Parts[i].Writes})
		}
		r.versions = append(r.versions, o.version)
		r.objects = append(r.objects, t.Parts[i].Object)
	}
	if len(e.parts) == 0 {
		r.position = uint64(len(s.entries))
		return r
	}
	r.position = e.position
	s.entries = append(s.entries, e)
	return r
}

// judge applies a part to its object if its reads hold and all on the way of its writes was seen.
func (s *naive) judge(p *txn.Part, own []uint64) (tree.Node, bool) {
	o := s.object(p.Object)
	for i := range p.Reads {
		if !txn.Holds(&o.root, p.Base, &p.Reads[i], txn.Judge{Strict: o.strict}) {
			return o.root, false
		}
	}
	root := o.root
	for i := range p.Writes {
		target := p.Writes[i].Target()
		for n := 1; n < len(target); n++ {
			above := root.Find(target[:n])
			if above != nil && above.Written > p.Base && above.Written != o.version+1 && !slices.Contains(own, above.Written) {
				return o.root, false
			}
		}
		var err error
		if root, _, err = txn.Apply(root, p.Writes[i:i+1], o.version+1); err != nil {
			return o.root, false
		}
	}
	return root, true
}
