// Package load makes the load: clients of all servers, which check every answer. It runs in another process than the servers.
package load

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trefoilgo/trefoil/bench/stats"
)

// Meter counts what was done, and how long each took.
type Meter struct {
	Ops  atomic.Int64
	Took stats.Histogram
}

// Reset sets m to zero.
func (m *Meter) Reset() {
	m.Ops.Store(0)
	m.Took.Reset()
}

func (m *Meter) add(since time.Time) time.Time {
	now := time.Now()
	m.Took.Add(now.Sub(since))
	m.Ops.Add(1)
	return now
}

// Echo are connections to a server that answers with what it is sent.
type Echo interface {
	// Run keeps flight calls of size bytes in flight on each connection until the time has come (so at least that many), checks every
	// answer, and returns when the last has arrived.
	Run(flight, size int, until time.Time, m *Meter) error
	// Close closes the connections.
	Close()
}

// DialEcho connects to a server, so many connections.
type DialEcho func(ctx context.Context, address string, connections int) (Echo, error)

// digits is how many bytes of a payload are its number.
const digits = 16

// payload makes a payload of size bytes: text, so that JSON and msgpack carry it alike.
func payload(size int) []byte { return bytes.Repeat([]byte{'.'}, max(size, digits)) }

// number writes n at the beginning of b, in hexadecimal.
func number(b []byte, n uint64) {
	const hex = "0123456789abcdef"
	for i := digits - 1; i >= 0; i-- {
		b[i] = hex[n&15]
		n >>= 4
	}
}

// checkEcho says what is wrong with an answer.
func checkEcho(sent, got []byte) error {
	if !bytes.Equal(sent, got) {
		return fmt.Errorf("sent %.40q (%d bytes), got %.40q (%d bytes)", sent, len(sent), got, len(got))
	}
	return nil
}

// callers run calls that wait for their answers: flight goroutines on each connection.
func callers(connections, flight, size int, until time.Time, m *Meter, call func(connection int, in []byte) ([]byte, error)) error {
	return each(connections*flight, func(i int, failed func() bool) error {
		in := payload(size)
		begin := time.Now()
		for n := uint64(0); n == 0 || begin.Before(until) && !failed(); n++ {
			number(in, uint64(i)<<40|n)
			out, err := call(i/flight, in)
			if err != nil {
				return err
			}
			if err := checkEcho(in, out); err != nil {
				return err
			}
			begin = m.add(begin)
		}
		return nil
	})
}

// each runs n goroutines and returns the first error; failed tells the others that there is one.
func each(n int, run func(i int, failed func() bool) error) error {
	var first atomic.Pointer[error]
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if err := run(i, func() bool { return first.Load() != nil }); err != nil {
				first.CompareAndSwap(nil, &err)
			}
		})
	}
	all.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}

// shared does i from 0 to n-1, some at a time, until one fails.
func shared(n int, do func(i int) error) error {
	const atOnce = 32
	var next atomic.Int64
	return each(min(atOnce, n), func(_ int, failed func() bool) error {
		for !failed() {
			i := int(next.Add(1)) - 1
			if i >= n {
				return nil
			}
			if err := do(i); err != nil {
				return err
			}
		}
		return nil
	})
}
