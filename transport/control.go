package transport

import (
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/codec"
)

// control deals with a control frame of an open session.
func (s *Session) control(h header, whole bool) {
	switch {
	case h.kind == kindPing:
		if h.body.Kind() == codec.Int {
			pong := takeBuffer(0) // a heartbeat allocates nothing
			pong.b = appendPing(pong.b, kindPong, h.body.Int())
			s.queueControl(pong.b)
			pong.release()
			return
		}
	case h.kind == kindPong:
		return
	case h.kind == kindChunk && !whole:
		s.chunk(h)
		return
	case h.kind == kindGoaway && s.goaway != nil:
		delay := h.body.Int()
		reason := ""
		if h.body.Len() > 0 {
			reason = h.body.String()
		}
		if h.body.Err() == nil && delay >= 0 {
			s.goaway(time.Duration(min(delay, maxDelay))*time.Millisecond, reason)
			return
		}
	default:
		s.Close(CloseProtocol, fmt.Sprintf("unexpected control frame of kind %d", h.kind))
		return
	}
	s.Close(CloseMalformed, fmt.Sprintf("malformed control frame of kind %d", h.kind))
}

// maxDelay bounds the delay that a goaway may ask for, in milliseconds: a day.
const maxDelay = 24 * 3600 * 1000

// inbound are the frames that arrive in chunks and are not complete. Only the reading
// goroutine uses it.
type inbound struct {
	parts map[int64][]byte
	bytes int
}

// chunk adds a piece to its frame, and routes the frame if it was the last.
// Memory grows with what arrived, never with what was announced.
func (s *Session) chunk(h header) {
	if h.body.Len() == 0 || codecKind(h.stream) != codec.Int {
		s.Close(CloseMalformed, "malformed chunk")
		return
	}
	idReader := codec.NewReader(h.stream, 1)
	id := idReader.Int()
	last := h.body.Bool()
	piece := h.body.Bytes()
	if h.body.Err() != nil || idReader.Err() != nil {
		s.Close(CloseMalformed, "malformed chunk")
		return
	}
	in := &s.in
	part, begun := in.parts[id]
	switch {
	case len(part)+len(piece) > s.own.frame:
		s.Close(CloseTooLarge, fmt.Sprintf("a frame is larger than %d bytes", s.own.frame))
		return
	case in.bytes+len(piece) > s.own.partial:
		s.Close(CloseProtocol, fmt.Sprintf("unfinished frames of more than %d bytes", s.own.partial))
		return
	case !begun && len(in.parts) >= maxUnfinished:
		s.Close(CloseProtocol, fmt.Sprintf("more than %d unfinished frames", maxUnfinished))
		return
	}
	if !last {
		if in.parts == nil {
			in.parts = make(map[int64][]byte)
		}
		in.parts[id] = append(part, piece...)
		in.bytes += len(piece)
		return
	}
	if begun {
		in.bytes -= len(part)
		piece = append(part, piece...)
		delete(in.parts, id)
	}
	s.routeWhole(piece)
}

// routeWhole routes a frame that came in chunks.
func (s *Session) routeWhole(wire []byte) {
	scratch := s.scratch(len(wire))
	if scratch != nil {
		defer scratch.release()
	}
	frame, rest, err := s.split(wire, scratch)
	switch {
	case err != nil:
		s.malformed(err)
	case len(rest) > 0:
		s.Close(CloseMalformed, "bytes behind a frame that came in chunks")
	default:
		s.route(frame, true)
	}
}

func codecKind(v codec.Raw) codec.Kind {
	r := codec.NewReader(v, 1)
	return r.Kind()
}
