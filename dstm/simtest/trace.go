package simtest

import (
	"fmt"
	"hash"
)

// trace is what has happened: all of it as a hash, and the end of it as text.
type trace struct {
	hash  hash.Hash64
	keep  bool
	lines []string
}

// note says what happens.
func (k *kernel) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	fmt.Fprintf(k.trace.hash, "%d %s\n", k.now, line)
	if k.trace.keep {
		k.trace.lines = append(k.trace.lines, fmt.Sprintf("%10.3fms  %s", float64(k.now.Microseconds())/1000, line))
	}
}

// mix adds bytes to the hash alone.
func (k *kernel) mix(b []byte) { k.trace.hash.Write(b) }
