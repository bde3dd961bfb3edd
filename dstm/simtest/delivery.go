package simtest

import (
	"errors"
	"slices"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/transport"
)

// delivered looks at a server's frame: each version of an object that is open must be delivered exactly once and in order. A
// client would help itself by opening the object anew, and nobody else would notice. And nothing commits that presumes
// what was refused, even if the values that it read are the right ones.
func (s *simulation) delivered(l *conn, f *transport.Frame) {
	body := f.Body
	switch f.Kind {
	case frameOpened:
		body.Skip() // the request
		fallthrough
	case frameReset:
		name := body.String()
		body.Skip() // the epoch
		l.versions[name] = body.Int()
	case frameChange:
		for range 5 { // position, hash, time, client, sequence
			body.Skip()
		}
		for parts := body.Array(); parts.Len() > 0; {
			part := parts.Array()
			name, version := part.String(), part.Int()
			if before, ok := l.versions[name]; !ok || version != before+1 {
				s.k.fail("%s sends version %d of %s to client %d, who has version %d", l.node.name, version, name, l.client.number, before)
			}
			l.versions[name] = version
			if name == hand && l.client.readable() != nil {
				s.count.add("restricted changes")
				if writes := part.Array(); writes.Len() == 0 {
					s.count.add("hidden changes")
				}
			}
		}
	case frameRejected:
		s.answered(l, true)
		sequence := uint64(body.Int())
		if err := transport.ReadError(&body); err != nil && !err.Unknown {
			s.frames.refused[author{l.client.id, sequence}] = true
			if l.again[sequence] && !errors.Is(err, dstm.ErrStaleSequence) { // that is for who knows the outcome already
				s.frames.never[author{l.client.id, sequence}] = true
			}
		}
	case frameCommitted:
		s.answered(l, false)
		sequence := uint64(body.Int())
		delete(s.frames.refused, author{l.client.id, sequence}) // nobody heard of that, and a restart forgot it
		presumes := s.frames.after[author{l.client.id, sequence}]
		if slices.ContainsFunc(presumes, func(a uint64) bool { return s.frames.refused[author{l.client.id, a}] }) {
			s.k.fail("%s commits %d of client %d, which presumes %v, of which some are refused", l.node.name, sequence, l.client.number, presumes)
		}
	}
}

// presumed notes what a client's transaction presumes.
func (s *simulation) presumed(l *conn, t *txn.Transaction) {
	if len(t.After) > 0 {
		s.frames.after[author{l.client.id, t.Sequence}] = slices.Clone(t.After)
	}
}
