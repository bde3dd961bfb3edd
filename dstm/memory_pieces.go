package dstm

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strings"
)

// listAtOnce is how many pieces a List of the memory log takes under the lock.
const listAtOnce = 256

// Save implements [Log]. It is done or refused at once, never uncertain.
func (l *MemoryLog) Save(ctx context.Context, pieces []Piece) error {
	for i := range pieces {
		if err := pieces[i].Check(); err != nil {
			return err
		}
	}
	s := l.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return err
	}
	for _, p := range pieces {
		stored, exists := s.pieces[p.Key]
		switch {
		case exists && stored.Position > p.Position:
		case p.Value != nil:
			p.Value = bytes.Clone(p.Value)
			s.pieces[p.Key] = p
			s.keys.add(p.Key)
		case exists:
			delete(s.pieces, p.Key)
			s.keys.remove(p.Key)
		}
	}
	return nil
}

// Load implements [Log].
func (l *MemoryLog) Load(ctx context.Context, key string) (Piece, error) {
	l.shared.mu.Lock()
	defer l.shared.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return Piece{}, err
	}
	if p, ok := l.shared.pieces[key]; ok {
		return p, nil
	}
	return Piece{Key: key}, nil
}

// List implements [Log].
func (l *MemoryLog) List(ctx context.Context, prefix, after string) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		for next := after; ; {
			some, err := l.takePieces(ctx, prefix, next)
			if err != nil {
				yield(Piece{}, err)
				return
			}
			for _, p := range some {
				if !yield(p, nil) {
					return
				}
				next = p.Key
			}
			if len(some) == 0 {
				return
			}
		}
	}
}

// Keys implements [Log].
func (l *MemoryLog) Keys(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for p, err := range l.List(ctx, prefix, after) {
			if !yield(p.Key, err) {
				return
			}
		}
	}
}

// takePieces returns some pieces behind after, none if there is none.
func (l *MemoryLog) takePieces(ctx context.Context, prefix, after string) ([]Piece, error) {
	s := l.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	var some []Piece
	for key := range s.keys.from(max(prefix, after)) {
		if !strings.HasPrefix(key, prefix) || len(some) == listAtOnce {
			break
		}
		if key > after {
			some = append(some, s.pieces[key])
		}
	}
	return some, nil
}

// sortedKeys is a set of strings in order. They stand in runs, so that adding one moves few of many.
type sortedKeys struct {
	runs [][]string // none is empty
}

// runLength is how many keys a run has at most.
const runLength = 512

// find returns the run and the place in it where key stands or would stand. The run may be the one behind the last.
func (s *sortedKeys) find(key string) (run, at int, found bool) {
	run, _ = slices.BinarySearchFunc(s.runs, key, func(r []string, key string) int {
		return strings.Compare(r[len(r)-1], key)
	})
	if run < len(s.runs) {
		at, found = slices.BinarySearch(s.runs[run], key)
	}
	return run, at, found
}

// add adds key if it is not there.
func (s *sortedKeys) add(key string) {
	run, at, found := s.find(key)
	switch {
	case found:
		return
	case run < len(s.runs):
	case run == 0:
		s.runs = append(s.runs, nil)
	default: // behind all others
		run--
		at = len(s.runs[run])
	}
	r := slices.Insert(s.runs[run], at, key)
	if len(r) > runLength {
		half := slices.Clone(r[len(r)/2:])
		clear(r[len(r)/2:]) // lets go of the strings
		r = r[:len(r)/2]
		s.runs = slices.Insert(s.runs, run+1, half)
	}
	s.runs[run] = r
}

// remove removes key if it is there.
func (s *sortedKeys) remove(key string) {
	run, at, found := s.find(key)
	if !found {
		return
	}
	if s.runs[run] = slices.Delete(s.runs[run], at, at+1); len(s.runs[run]) == 0 {
		s.runs = slices.Delete(s.runs, run, run+1)
	}
}

// from yields key, if it is there, and what is greater, in order. The set must not change meanwhile.
func (s *sortedKeys) from(key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		run, at, _ := s.find(key)
		for ; run < len(s.runs); run, at = run+1, 0 {
			for _, k := range s.runs[run][at:] {
				if !yield(k) {
					return
				}
			}
		}
	}
}
