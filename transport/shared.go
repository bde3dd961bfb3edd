package transport

import (
	"sync/atomic"

	"github.com/trefoilgo/trefoil/codec"
)

// Shared is one frame for many sessions: encoded once for each codec, whoever
// asks first. Immutable and safe for concurrent use.
type Shared struct {
	frame codec.Raw
	text  atomic.Pointer[[]byte]
}

// NewShared makes a Shared of one msgpack frame, which it owns from now on.
func NewShared(frame []byte) *Shared { return &Shared{frame: frame} }

// Frame is the frame in msgpack; it must not be changed.
func (f *Shared) Frame() codec.Raw { return f.frame }

// line is the frame as a line of JSON. Two that ask first at once may both
// transcode; that is cheaper than a lock in every Shared.
func (f *Shared) line() ([]byte, error) {
	if p := f.text.Load(); p != nil {
		return *p, nil
	}
	line, err := appendLine(nil, f.frame)
	if err != nil {
		return nil, err
	}
	f.text.CompareAndSwap(nil, &line)
	return *f.text.Load(), nil
}
