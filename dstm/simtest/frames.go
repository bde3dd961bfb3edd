package simtest

import (
	"errors"
	"fmt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/transport"
)

// Kinds of frames: docs/PROTOCOL.md, section 8.
const (
	frameOpen = 1 + iota
	frameOpened
	frameRefused
	frameReset
	frameClose
	frameEnded
	frameCommit
	frameCommitted
	frameRejected
	frameChange
	framePiece
	frameCurrent
)

var frameNames = map[int]string{
	frameOpen: "open", frameOpened: "opened", frameRefused: "refused", frameReset: "reset", frameClose: "close", frameEnded: "ended",
	frameCommit: "commit", frameCommitted: "committed", frameRejected: "rejected", frameChange: "change", framePiece: "piece", frameCurrent: "current",
}

// frames is what the simulation remembers of frames.
type frames struct {
	again   map[author]uint64   // sent again, and where the log was then
	after   map[author][]uint64 // what transactions presume
	refused map[author]bool
	never   map[author]bool // refused as sent again: what was answered so, heard or not, is never committed
}

type author struct {
	client   engine.ID
	sequence uint64
}

// sent looks at a frame on its way.
func (s *simulation) sent(e *end, f *transport.Frame) {
	if e.server {
		s.delivered(e.conn, f)
	}
	body := f.Body
	switch f.Kind {
	case frameCommit:
		t, _ := txn.Decode(&body)
		if t != nil {
			s.presumed(e.conn, t)
			e.conn.again[t.Sequence] = t.Again
			s.asked(e.conn)
		}
		if t != nil && t.Again {
			s.count.add("sent again")
			if s.frames.again == nil {
				s.frames.again = map[author]uint64{}
			}
			s.frames.again[author{e.conn.client.id, t.Sequence}] = s.disks.head()
		}
	case frameCommitted:
		sequence, position := uint64(body.Int()), uint64(body.Int())
		if head, ok := s.frames.again[author{e.conn.client.id, sequence}]; ok && position <= head {
			s.count.add("duplicates answered")
		}
	case frameReset:
		s.count.add("resets")
	case framePiece:
		s.count.add("pieces")
	case frameRejected:
		body.Int()
		if errors.Is(transport.ReadError(&body), dstm.ErrConflict) {
			s.count.add("conflicts")
		}
	}
}

// describe is a frame in words.
func describe(f *transport.Frame) string {
	body := f.Body
	name := frameNames[f.Kind]
	switch f.Kind {
	case frameOpen, frameOpened, frameRefused:
		if f.Kind == frameOpened {
			return fmt.Sprintf("%s %d %s", name, body.Int(), body.String())
		}
		return fmt.Sprintf("%s %d %s", name, body.Int(), body.String())
	case frameCommit:
		t, err := txn.Decode(&body)
		if t == nil {
			return fmt.Sprintf("%s, which is none: %v", name, err)
		}
		return fmt.Sprintf("%s %d settled %d again %v position %d after %v", name, t.Sequence, t.Settled, t.Again, t.Position, t.After)
	case frameRejected:
		return fmt.Sprintf("%s %d %v", name, body.Int(), transport.ReadError(&body))
	case frameCommitted, frameChange:
		return fmt.Sprintf("%s %d", name, body.Int())
	}
	return name
}
