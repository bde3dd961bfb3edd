package pubsub

import (
	"context"
	"errors"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// batch is what one step of catching up has read.
type batch struct {
	head    Head // before reading
	entries []byte
	n       int
	upTo    int64 // everything up to here is in it
}

// catchUp sends the next part of history, or makes the subscription live where history and live feed meet.
func (s *subscription) catchUp() verdict {
	l, ctx := s.lane, s.peer.session.Context()
	if v := s.tellGap(); v != finished {
		return v
	}
	b, err := s.readBatch(ctx)
	if ctx.Err() != nil {
		return finished
	}
	var after Head
	if err == nil {
		// What was removed while it was read shows only now.
		after, err = s.head(ctx)
	}
	switch {
	case err != nil:
		return s.end(err)
	case b.head.Epoch != s.epoch || after.Epoch != s.epoch:
		s.quiet = false
		s.epoch, s.cursor, s.floor = after.Epoch, after.Offset, 0
		s.gap = &gapNote{cause: EpochChanged, epoch: after.Epoch, after: after.Offset, to: after.Offset, count: -1}
		return again
	case !s.quiet && after.Floor > max(s.cursor, s.floor):
		s.gap = &gapNote{cause: HistoryLost, epoch: s.epoch, after: s.cursor, to: after.Floor, count: -1}
		s.floor = after.Floor
		// What was read goes out behind it: where publications push each other out of a short history all
		// the time, reading again would find the next gap, and so for ever.
		if v := s.tellGap(); v != finished {
			return v
		}
	}
	if b.n > 0 {
		return s.sendBatch(b)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.state != behind {
		return finished
	}
	if l.epoch != s.epoch {
		// The broker has just confirmed this epoch, so the lane's is the older one.
		l.fallBehind()
		l.epoch, l.delivered = s.epoch, 0
	}
	last := b.upTo >= l.delivered
	if v := s.try(replayFrame(l.stream, s.id, b.upTo, last, 0, nil)); v != finished {
		return v
	}
	s.cursor = b.upTo
	if !last {
		return again
	}
	l.goLive(s)
	return finished
}

// tellGap sends the gap that stands before anything else, if there is one.
func (s *subscription) tellGap() verdict {
	if s.gap == nil {
		return finished
	}
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	if s.state != behind {
		return finished
	}
	if v := s.try(gapFrame(s.lane.stream, s.id, s.gap)); v != finished {
		return v
	}
	s.gap = nil
	return finished
}

// readBatch reads history from the cursor on, as much as fits into a frame.
func (s *subscription) readBatch(ctx context.Context) (b batch, err error) {
	if b.head, err = s.head(ctx); err != nil {
		return b, err
	}
	b.upTo = b.head.Offset
	if b.head.Epoch != s.epoch {
		return b, nil
	}
	room := s.peer.session.MaxFrame() - 256
	q := Query{Filter: s.filter, After: s.cursor, UpTo: b.head.Offset}
	for r, e := range s.peer.hub.opts.Broker.Read(ctx, s.lane.log, q) {
		if e != nil {
			return b, e
		}
		size := recordSize(r)
		if b.n == 0 {
			s.first = r.Position.Offset
		} else if s.solo || b.n >= replayRecords || len(b.entries)+size > min(replayBytes, room) {
			b.upTo = r.Position.Offset - 1
			break
		}
		b.add(s, r, size <= room)
	}
	return b, nil
}

// add appends an entry. One that its reader must not or cannot have is only named.
func (b *batch) add(s *subscription, r *Record, fits bool) {
	b.n++
	switch {
	case r.NotToFrom && r.From == s.peer.client():
		b.entries = appendPlace(codec.AppendArray(b.entries, 2), r)
	case !fits || r.Position.Offset == s.oversize:
		b.entries = appendPlace(codec.AppendArray(b.entries, 3), r)
		b.entries = codec.AppendInt(b.entries, int64(TooLarge))
	default:
		b.entries = appendPlace(codec.AppendArray(b.entries, 6), r)
		b.entries = appendContent(b.entries, r)
	}
}

// sendBatch sends a part of history that is not the last frame of the replay.
func (s *subscription) sendBatch(b batch) verdict {
	l, session := s.lane, s.peer.session
	frame := replayFrame(l.stream, s.id, b.upTo, false, b.n, b.entries)
	var err error
	if s.stalled {
		// A queue that has drained to half of its budget may still have no room for a frame of this
		// size: asking for the next drain again would spin.
		err = session.Send(session.Context(), frame)
	} else {
		err = session.TrySend(frame)
	}
	switch {
	case errors.Is(err, transport.ErrFull):
		s.stalled = true
		return full
	case errors.Is(err, transport.ErrFrameTooLarge) && b.n > 1:
		// JSON makes some values much longer: find out which by sending them one by one.
		s.solo = true
	case errors.Is(err, transport.ErrFrameTooLarge):
		s.oversize = s.first
	case err != nil:
		return finished
	default:
		s.cursor, s.solo, s.stalled = b.upTo, false, false
	}
	return again
}

// end takes the subscription away and says why.
func (s *subscription) end(err error) verdict {
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	if s.state == gone {
		return finished
	}
	if v := s.try(endedFrame(s.lane.stream, s.id, status.From(err))); v != finished {
		return v
	}
	s.forget()
	return finished
}
