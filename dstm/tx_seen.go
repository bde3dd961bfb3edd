package dstm

import (
	"maps"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// manySeen is from how many on a set has an index: most transactions read and write a few places, and to look at those
// costs less than to make keys of them.
const manySeen = 16

// fewReads is what there is room for with the first: a write reads too.
const fewReads = 4

// readID tells the reads of one transaction apart: what was asked, and of a guard with what it was compared.
type readID struct {
	kind  txn.ReadKind
	path  Path
	guard string
}

func (id *readID) key() string {
	return string(rune('0'+id.kind)) + id.guard + "\x00" + id.path.String()
}

// readSet is a set of reads. The zero set is empty.
type readSet struct {
	list  []readID
	index map[string]struct{} // of all, once they are many
}

func (s *readSet) has(id *readID) bool {
	if s.index != nil {
		_, ok := s.index[id.key()]
		return ok
	}
	return slices.ContainsFunc(s.list, func(x readID) bool {
		return x.kind == id.kind && x.guard == id.guard && slices.Equal(x.path, id.path)
	})
}

// add adds what is not in the set. The path must not change any more.
func (s *readSet) add(id readID) {
	if s.index == nil {
		if s.list == nil {
			s.list = make([]readID, 0, fewReads)
		}
		if len(s.list) < manySeen {
			s.list = append(s.list, id)
			return
		}
		s.index = make(map[string]struct{}, 2*manySeen)
		for i := range s.list {
			s.index[s.list[i].key()] = struct{}{}
		}
		s.list = nil
	}
	s.index[id.key()] = struct{}{}
}

// pathSet is a set of paths. The zero set is empty.
type pathSet struct {
	list  []Path
	index map[string]struct{} // of all, once they are many
}

// covers reports whether path or one above it is in the set.
func (s *pathSet) covers(path Path) bool {
	if s.index == nil {
		return slices.ContainsFunc(s.list, path.Starts)
	}
	for i := range len(path) + 1 {
		if _, ok := s.index[path[:i].String()]; ok {
			return true
		}
	}
	return false
}

// add adds a path, which must not change any more.
func (s *pathSet) add(path Path) {
	if s.index == nil {
		if len(s.list) < manySeen {
			s.list = append(s.list, path)
			return
		}
		s.index = make(map[string]struct{}, 2*manySeen)
		for _, p := range s.list {
			s.index[p.String()] = struct{}{}
		}
		s.list = nil
	}
	s.index[path.String()] = struct{}{}
}

// clone is a set of the same paths that changes apart from this one.
func (s *pathSet) clone() pathSet { return pathSet{slices.Clip(s.list), maps.Clone(s.index)} }
