package witness

import (
	"errors"
	"sync"

	"github.com/trefoilgo/trefoil/status"
)

// Recorder gathers outcomes from many goroutines.
type Recorder struct {
	mu       sync.Mutex
	outcomes []Outcome
	seen     []Seen
	head     uint64
}

// Head is the highest position that anyone was told of so far: the Since of what begins now.
func (r *Recorder) Head() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.head
}

// Add records an outcome; err is the error that its client got, nil for a commit, and decides the Result.
func (r *Recorder) Add(o Outcome, err error) {
	o.Result = ResultOf(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes = append(r.outcomes, o)
	if o.Result == Committed {
		r.head = max(r.head, o.Position)
	}
}

// See records an object as some replica holds it.
func (r *Recorder) See(s Seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, s)
}

// Check judges what was recorded against a log.
func (r *Recorder) Check(entries [][]byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Check(History{Entries: entries, Outcomes: r.outcomes, Seen: r.seen})
}

// ResultOf is what an error says of its transaction.
func ResultOf(err error) Result {
	var e *status.Error
	switch {
	case err == nil:
		return Committed
	case errors.As(err, &e) && !e.Unknown:
		return Refused
	}
	return Unknown
}
