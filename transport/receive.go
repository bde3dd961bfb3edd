package transport

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

// errMalformed is what is wrong with bytes that are no frames.
var errMalformed = status.Reason("transport.malformed")

// readLoop is a session's reading goroutine. After the session has ended it goes
// on reading, and throws away, until the connection ends: see shut.
func (s *Session) readLoop() {
	defer s.readDone.close()
	for {
		msg, err := s.conn.Read()
		switch {
		case err == nil:
			if s.ending.Load() == nil {
				s.receive(msg)
			}
		case errors.Is(err, ErrMessageTooLarge):
			s.Close(CloseTooLarge, fmt.Sprintf("a message is larger than %d bytes", s.own.message))
		case errors.Is(err, errMalformed):
			s.Close(CloseMalformed, "a message is not of the subprotocol")
		default:
			s.lost(err)
			return
		}
	}
}

// receive deals with one message.
func (s *Session) receive(msg []byte) {
	if len(msg) == 0 {
		s.Close(CloseMalformed, "a message without a frame")
		return
	}
	if !s.open.Load() {
		if msg = s.receiveFirst(msg); len(msg) == 0 || !s.open.Load() {
			return
		}
	}
	s.delivery.Lock()
	defer s.delivery.Unlock()
	defer s.recovered("Receive", "")
	scratch := s.scratch(len(msg))
	frames := 0
	for len(msg) > 0 && s.ending.Load() == nil {
		frame, rest, err := s.split(msg, scratch)
		if err != nil {
			s.malformed(err)
			break
		}
		s.route(frame, false)
		msg = rest
		frames++
	}
	if frames > 1 {
		s.out.expectCrowd()
	}
	if scratch != nil {
		scratch.release()
	}
}

// receiveFirst takes hello or welcome off the message and returns what follows.
func (s *Session) receiveFirst(msg []byte) (rest []byte) {
	frame, rest, err := s.split(msg, &buffer{})
	if err != nil {
		s.malformed(err)
		return nil
	}
	h, ok := readHeader(frame)
	if !ok {
		s.Close(CloseMalformed, "not a frame")
		return nil
	}
	if s.greet == nil {
		return nil // the handshake failed, its close is on the way
	}
	if s.server && len(rest) > 0 {
		s.Close(CloseProtocol, "nothing may follow hello before welcome")
		return nil
	}
	s.guard("handshake", "", func() { s.greet(s, h) })
	s.greet = nil // it holds the HTTP request
	return rest
}

// scratch is where lines of JSON are transcoded to; msgpack needs none.
func (s *Session) scratch(n int) *buffer {
	if !s.json {
		return nil
	}
	return takeBuffer(n)
}

// split takes the first frame off a message and checks it. The frame is valid
// until scratch is used again.
func (s *Session) split(msg []byte, scratch *buffer) (frame, rest []byte, err error) {
	n := 0
	if s.json {
		line, after, _ := bytes.Cut(msg, []byte{'\n'})
		if n, rest = len(line), after; n <= s.own.frame {
			scratch.b, err = codec.FromJSON(scratch.b[:0], line)
			frame = scratch.b
		}
	} else if n, err = codec.Check(msg); err == nil {
		frame, rest = msg[:n:n], msg[n:]
	}
	if err == nil && n > s.own.frame {
		err = errTooLarge
	}
	return frame, rest, err
}

// malformed ends the session because of bytes that are no frame.
func (s *Session) malformed(err error) {
	if err == errTooLarge {
		s.Close(CloseTooLarge, fmt.Sprintf("a frame is larger than %d bytes", s.own.frame))
		return
	}
	var c *codec.Error
	if errors.As(err, &c) {
		s.Close(CloseMalformed, c.Reason)
		return
	}
	s.Close(CloseMalformed, "")
}

// route hands a frame to its receiver. whole says that it came in chunks.
func (s *Session) route(frame []byte, whole bool) {
	h, ok := readHeader(frame)
	if !ok {
		s.Close(CloseMalformed, "not a frame")
		return
	}
	if h.pattern == NumberControl {
		s.control(h, whole)
		return
	}
	for i := range s.bound {
		if b := &s.bound[i]; b.number == h.pattern {
			if err := b.receiver.Receive(Frame{Kind: h.kind, Stream: h.stream, Body: h.body}); err != nil {
				code, reason := codeForFrame(err)
				s.Close(code, reason)
			}
			return
		}
	}
	s.Close(CloseProtocol, fmt.Sprintf("unknown pattern %d", h.pattern))
}

// guard calls fn and lives through its panic.
func (s *Session) guard(what, pattern string, fn func()) {
	defer s.recovered(what, pattern)
	fn()
}

// recovered is deferred around what patterns do: their panic ends the session alone.
func (s *Session) recovered(what, pattern string) {
	if v := recover(); v != nil {
		s.log.Error("transport: panic", "in", what, "pattern", pattern, "session", s.id.String(),
			"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		s.Close(CloseInternal, "internal error")
	}
}
