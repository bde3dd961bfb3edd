package simtest

import (
	"encoding/binary"
	"fmt"
	"hash"
	"time"

	"github.com/trefoilgo/trefoil/transport"
)

// trace is what has happened: all of it as a hash, and the end of it as text.
type trace struct {
	hash    hash.Hash64
	scratch []byte
	keep    bool
	lines   []string
}

// note says what happens.
func (k *kernel) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	k.mix(k.now, line)
	k.trace.add(k.now, line)
}

// noteFrame says that a frame arrives. There are many of them, so they are put into words only for somebody who reads them.
func (k *kernel) noteFrame(from, to string, f *transport.Frame, data []byte) {
	k.mix(k.now, from)
	k.mix(k.now, to)
	k.trace.hash.Write(data)
	if k.trace.keep {
		k.trace.add(k.now, fmt.Sprintf("%s -> %s: %s", from, to, describe(f)))
	}
}

func (t *trace) add(now time.Duration, line string) {
	if t.keep {
		t.lines = append(t.lines, fmt.Sprintf("%10.3fms  %s", float64(now.Microseconds())/1000, line))
	}
}

// mix adds to the hash alone.
func (k *kernel) mix(now time.Duration, text string) {
	b := binary.LittleEndian.AppendUint64(k.trace.scratch[:0], uint64(now))
	b = append(b, text...)
	k.trace.hash.Write(b)
	k.trace.scratch = b
}
