package witness

import (
	"errors"
	"slices"
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

// Read records a transaction that wrote nothing and was told to be committed.
func (r *Recorder) Read(o Outcome) {
	o.Result, o.ReadOnly = Committed, true
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes = append(r.outcomes, o)
	r.head = max(r.head, o.Position)
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

// Forget drops what was told or seen of the log behind position: its end is gone.
func (r *Recorder) Forget(position uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.outcomes[:0]
	for _, o := range r.outcomes {
		if o.Result != Unknown && o.Position <= position {
			o.Since = min(o.Since, position)
			kept = append(kept, o)
		}
	}
	r.outcomes, r.seen = kept, nil
	r.head = min(r.head, position)
}

// Final judges what was recorded and some more outcomes against a log, as Check does, and returns what the log makes of its objects in the end.
func (r *Recorder) Final(entries [][]byte, more ...Outcome) (map[string]Seen, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := newChecker()
	if err := c.check(&History{Entries: entries, Outcomes: slices.Concat(r.outcomes, more), Seen: r.seen}); err != nil {
		return nil, err
	}
	out := map[string]Seen{}
	for name, o := range c.objects {
		out[name] = Seen{Object: name, Version: o.version, Value: o.root.value()}
	}
	return out, nil
}
