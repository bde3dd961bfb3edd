package engine

import (
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// Replay is Decode and Follow.
func Replay(s State, data []byte) (State, *Entry, error) {
	e, err := Decode(data)
	if err != nil {
		return s, nil, err
	}
	next, err := Follow(s, e)
	if err != nil {
		return s, nil, err
	}
	return next, e, nil
}

// Follow returns the state after an entry that was read from the log, and completes the entry. The objects that it names
// must be resident; what is of a later position already, because it was stored later, stays as it is. An entry that does not follow on the
// state is ErrDamaged.
func Follow(s State, e *Entry) (State, error) {
	if e.Position != s.Position+1 {
		return s, damaged("entry %d stands where %d should", e.Position, s.Position+1)
	}
	if e.Previous != s.Hash {
		return s, damaged("entry %d does not follow on the one before: the chain of hashes is broken", e.Position)
	}
	if e.Time < s.Time {
		return s, damaged("entry %d is older than the one before", e.Position)
	}
	if s.Position == 0 && e.Kind != NewEpoch {
		return s, damaged("the log does not begin with an epoch")
	}
	roots := make([]tree.Node, len(e.Parts))
	for i := range e.Parts {
		p := &e.Parts[i]
		o := s.Object(p.Object)
		if o.Position >= e.Position && p.Version <= o.Version {
			continue
		}
		if p.Version != o.Version+1 {
			return s, damaged("entry %d makes version %d of %q, which is at %d", e.Position, p.Version, p.Object, o.Version)
		}
		var err error
		if roots[i], _, err = txn.Apply(o.Root, p.Writes, p.Version); err != nil {
			return s, damaged("entry %d cannot be applied to %q: %v", e.Position, p.Object, err)
		}
	}
	return s.apply(e, roots), nil
}

// apply is the only way from a state to the next. roots are what the parts made.
func (s State) apply(e *Entry, roots []tree.Node) State {
	s.Position, s.Hash, s.Time = e.Position, e.Hash, e.Time
	if e.Kind == NewEpoch {
		s.Epoch = e.Epoch
		s.drop(e)
		return s
	}
	for i := range e.Parts {
		p := &e.Parts[i]
		o := s.Object(p.Object)
		if o.Position >= e.Position {
			continue
		}
		p.Before = o
		p.After = &Object{Root: roots[i], Version: p.Version, Position: e.Position, Hash: [8]byte(e.Hash[:8])}
		s.objects = s.objects.Put(p.Object, *p.After)
	}
	s.record(e)
	s.drop(e)
	return s
}

// record brings the author's record up to date, unless it was stored later.
func (s *State) record(e *Entry) {
	var c Client
	if known := s.Client(e.Client); known != nil {
		if known.Position >= e.Position {
			return
		}
		c = *known
	} else {
		c.Began = e.Position
	}
	c.Last, c.Settled = max(c.Last, e.Sequence), max(c.Settled, e.Settled)
	c.Position, c.Time = e.Position, e.Time
	if e.Kind == Commit {
		c.Commits = addCommit(trimCommits(c.Commits, c.Settled),
			Committed{Sequence: e.Sequence, Position: e.Position, Digest: e.Digest, Parts: e.Made})
		c.Refusals = trimRefused(c.Refusals, c.Settled)
	} else {
		c.Commits = trimCommits(c.Commits, c.Settled)
		c.Refusals = addRefused(c.Refusals, c.Settled, Refused{Sequence: e.Sequence, Refusal: e.Refusal})
	}
	key := string(e.Client[:])
	if c.aged == 0 {
		s.ages, c.aged = s.ages.Put(age(c.Position), aged{key, c.Time}), c.Position
	}
	s.clients = s.clients.Put(key, c)
}

// addCommit appends a commit, in place where nobody has: the states before this one see no more of the array than they
// did, and the first that follows on one of them takes the free place. Sequences begin at 1.
func addCommit(list []Committed, c Committed) []Committed {
	n := len(list)
	if n < cap(list) && list[:n+1][n].Sequence == 0 {
		return append(list, c)
	}
	room := min(2*n, MaxUnsettled)
	return append(append(make([]Committed, 0, max(room, n+1)), list...), c)
}

func trimCommits(list []Committed, settled uint64) []Committed {
	for len(list) > 0 && list[0].Sequence <= settled {
		list = list[1:]
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

func trimRefused(list []Refused, settled uint64) []Refused {
	for _, r := range list {
		if r.Sequence <= settled {
			if list = keepRefused(list, settled, 0); len(list) == 0 {
				return nil
			}
			return list
		}
	}
	return list
}
