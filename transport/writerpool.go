package transport

import (
	"runtime"
	"sync"
)

// writerPool writes what was broadcast to the sessions of a server: a few goroutines for all of
// them, which live as long as there is something to write. A goroutine for each session and
// burst would cost as much as the writing: it begins with a small stack that must grow, and waits for its turn.
//
// Sessions are written to in turn, each all that waits for it: while the others have theirs,
// more gathers, so the more is published the longer messages get. No writer ever waits for a peer (see
// trier): a session whose connection takes no more gets a goroutine of its own.
type writerPool struct {
	most int // writers
	run  func()

	mu      sync.Mutex
	ready   []*Session // each once, from next on
	next    int
	running int
}

// turn is how many sessions a writer takes at a time, and how many are worth another writer.
const turn = 32

// newWriterPool leaves half of the processors to those who read, publish and answer meanwhile. A writer that waits for its turn behind them gets messages
// that hold more; two that compete for one processor write as many again that hold less.
func newWriterPool() *writerPool {
	p := &writerPool{most: max(1, runtime.GOMAXPROCS(0)/2)}
	p.run = p.write
	return p
}

// add takes sessions whose outbound says that the pool writes.
func (p *writerPool) add(sessions []*Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = append(p.ready, sessions...)
	for waiting := len(p.ready) - p.next; p.running < p.most && p.running*turn < waiting; {
		p.running++
		go p.run()
	}
}

// write is one writer. Those of its sessions for which more has come queue up again.
func (p *writerPool) write() {
	var mine [turn]*Session
	again := 0
	for {
		n := p.take(mine[:], again)
		if n == 0 {
			return
		}
		again = 0
		for _, s := range mine[:n] {
			if s.writeOnce() {
				mine[again] = s
				again++
			}
		}
	}
}

// take puts the first sessions of mine back and fills it with those whose turn it is. With none the writer ends.
func (p *writerPool) take(mine []*Session, again int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = append(p.ready, mine[:again]...)
	n := copy(mine, p.ready[p.next:])
	clear(p.ready[p.next : p.next+n])
	p.next += n
	switch {
	case p.next == len(p.ready):
		p.ready, p.next = p.ready[:0], 0
	case p.next > len(p.ready)/2:
		kept := copy(p.ready, p.ready[p.next:])
		clear(p.ready[kept:])
		p.ready, p.next = p.ready[:kept], 0
	}
	if n == 0 {
		p.running--
	}
	return n
}

// writeOnce writes one message of a session and reports whether more waits. The caller is the one that writes.
func (s *Session) writeOnce() (more bool) {
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.pending() { // it has ended
		o.stopWriting()
		return false
	}
	taken, whole, err := s.tryNext()
	if !whole {
		o.pooled = false
		s.startWriter()
		return false
	}
	if !s.wrote(taken, err) {
		return false
	}
	if !o.pending() {
		o.stopWriting()
		return false
	}
	return true
}
