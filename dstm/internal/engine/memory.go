package engine

import "github.com/trefoilgo/trefoil/internal/pmap"

// generation and generationBytes are how many clients, and how much about them, a Memory gathers before it forgets
// the older half.
const (
	generation      = 4096
	generationBytes = 8 << 20
)

// Memory holds the refusals that are not in the log: those of transactions that were
// sent for the first time, so that whoever hears the answer has sent no other copy of them. It is immutable and bounded; what
// it forgets could matter only to a client that breaks the protocol. The zero Memory is empty.
type Memory struct {
	young, old pmap.Map[memo]
	size       int // of young
}

type memo struct {
	last     uint64
	refusals []Refused // ascending by sequence
}

func (m *Memory) of(id ID) *memo {
	if found := m.young.Get(string(id[:])); found != nil {
		return found
	}
	return m.old.Get(string(id[:]))
}

// refusal returns what sequence was refused with, nil if it is not remembered.
func (m *Memory) refusal(id ID, sequence uint64) *Refusal {
	if found := m.of(id); found != nil {
		return findRefused(found.refusals, sequence)
	}
	return nil
}

// last is the highest sequence refused, 0 if none is remembered.
func (m *Memory) last(id ID) uint64 {
	if found := m.of(id); found != nil {
		return found.last
	}
	return 0
}

// with remembers one more refusal and forgets the settled ones of that client.
func (m Memory) with(id ID, settled uint64, r Refused) Memory {
	next := memo{last: r.Sequence}
	if found := m.of(id); found != nil {
		next.last = max(next.last, found.last)
		next.refusals = addRefused(found.refusals, settled, r)
	} else {
		next.refusals = []Refused{r}
	}
	if m.young.Len() >= generation || m.size >= generationBytes {
		m.young, m.old, m.size = pmap.Map[memo]{}, m.young, 0
	}
	m.size += next.size() - m.young.Get(string(id[:])).size()
	m.young = m.young.Put(string(id[:]), next)
	return m
}

// size is about what the memo takes in memory.
func (m *memo) size() int {
	if m == nil {
		return 0
	}
	size := 128
	for i := range m.refusals {
		size += m.refusals[i].size()
	}
	return size
}

func findRefused(list []Refused, sequence uint64) *Refusal {
	for i := range list {
		if list[i].Sequence == sequence {
			return &list[i].Refusal
		}
	}
	return nil
}

// addRefused returns a new list without what is settled and with r; the oldest goes when there are too many.
func addRefused(list []Refused, settled uint64, r Refused) []Refused {
	out := keepRefused(list, settled, 1)
	out = append(out, r)
	return out[max(0, len(out)-maxRefusals):]
}

// keepRefused copies the refusals above settled, with room for more.
func keepRefused(list []Refused, settled uint64, room int) []Refused {
	out := make([]Refused, 0, len(list)+room)
	for _, r := range list {
		if r.Sequence > settled {
			out = append(out, r)
		}
	}
	return out
}
