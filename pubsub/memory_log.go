package pubsub

import (
	"sort"
	"sync"
	"time"
)

// readBatch is how many records are copied out of a memory log under its lock.
const readBatch = 256

// recordOverhead is what a record costs besides its bytes, roughly.
const recordOverhead = 200

// memoryLog is one log of a MemoryBroker.
type memoryLog struct {
	name  string
	order sync.Mutex // from taking an offset to delivery; taken before mu

	mu     sync.Mutex
	keep   Retention
	head   Head
	bytes  int64
	slots  []slot               // by offset
	dead   int                  // slots whose record was removed
	topics map[string][]*Record // retained, never empty

	// What was removed. A topic that keeps some records shows it by the first one's Prev; of the others
	// the last offset is remembered, for as many as maxGone.
	removed   int64            // the highest offset of all
	gone      map[string]int64 // of topics of which nothing is kept
	goneOrder []goneTopic      // oldest first; may hold topics that came back
	forgotten int64            // the highest offset of those that were forgotten
}

// maxGone bounds what is remembered of topics without records, and how many topics are
// looked at to tell exactly what a wildcard misses.
const maxGone = 4096

type goneTopic struct {
	topic  string
	offset int64
}

// slot is a record's place; the record is nil after it was removed from the middle.
type slot struct {
	offset int64
	record *Record
}

func (r *Record) size() int64 {
	return int64(len(r.Topic)+len(r.Payload)+len(r.Metadata)+len(r.Key)) + recordOverhead
}

func (l *memoryLog) retain(keep Retention) Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep = keep
	for topic := range l.topics {
		l.trim(topic)
	}
	l.sweep()
	head := l.head
	head.Floor = l.removed
	return head
}

// append gives r its place and keeps it.
func (l *memoryLog) append(r *Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head.Offset++
	r.Position = Position{Log: l.name, Epoch: l.head.Epoch, Offset: l.head.Offset}
	r.Time = time.Now()
	r.Prev = 0
	kept := l.topics[r.Topic]
	if len(kept) > 0 {
		r.Prev = kept[len(kept)-1].Position.Offset
	} else {
		r.Prev = l.gone[r.Topic]
		delete(l.gone, r.Topic)
	}
	l.slots = append(l.slots, slot{r.Position.Offset, r})
	l.topics[r.Topic] = append(kept, r)
	l.bytes += r.size()
	l.trim(r.Topic)
	l.sweep()
}

// trim removes what a topic has too many of.
func (l *memoryLog) trim(topic string) {
	for l.keep.Count > 0 && len(l.topics[topic]) > l.keep.Count {
		l.remove(l.topics[topic][0])
	}
}

// sweep removes what is too old or too much.
func (l *memoryLog) sweep() {
	var oldest time.Time
	if l.keep.Age > 0 {
		oldest = time.Now().Add(-l.keep.Age)
	}
	for {
		for len(l.slots) > 0 && l.slots[0].record == nil {
			l.slots = l.slots[1:]
			l.dead--
		}
		if len(l.slots) == 0 {
			return
		}
		r := l.slots[0].record
		if l.bytes <= l.keep.Bytes && (l.keep.Age <= 0 || !r.Time.Before(oldest)) {
			return
		}
		l.remove(r)
	}
}

// remove takes out the oldest record of some topic.
func (l *memoryLog) remove(r *Record) {
	i := l.index(r.Position.Offset)
	l.slots[i].record = nil
	l.dead++
	l.bytes -= r.size()
	kept := l.topics[r.Topic]
	kept[0] = nil
	if kept = kept[1:]; len(kept) > 0 {
		l.topics[r.Topic] = kept
	} else {
		delete(l.topics, r.Topic)
		l.remember(r.Topic, r.Position.Offset)
	}
	l.removed = max(l.removed, r.Position.Offset)
	if l.dead > 64 && l.dead > len(l.slots)/2 {
		live := make([]slot, 0, len(l.slots)-l.dead)
		for _, s := range l.slots {
			if s.record != nil {
				live = append(live, s)
			}
		}
		l.slots, l.dead = live, 0
	}
}

// remember notes the last offset of a topic of which nothing is kept any more.
func (l *memoryLog) remember(topic string, offset int64) {
	if l.gone == nil {
		l.gone = make(map[string]int64)
	}
	l.gone[topic] = offset
	l.goneOrder = append(l.goneOrder, goneTopic{topic, offset})
	for len(l.goneOrder) > maxGone {
		oldest := l.goneOrder[0]
		l.goneOrder = l.goneOrder[1:]
		if l.gone[oldest.topic] == oldest.offset {
			delete(l.gone, oldest.topic)
			l.forgotten = max(l.forgotten, oldest.offset)
		}
	}
}

// floor is the highest offset that was removed of the topics that filter matches, or more.
func (l *memoryLog) floor(filter string) int64 {
	if isPlain(filter) {
		if kept := l.topics[filter]; len(kept) > 0 {
			return kept[0].Prev
		}
		if offset, ok := l.gone[filter]; ok {
			return offset
		}
		return l.forgotten
	}
	if len(l.topics)+len(l.gone) > maxGone {
		return l.removed
	}
	floor := l.forgotten
	for topic, kept := range l.topics {
		if prev := kept[0].Prev; prev > floor && Match(filter, topic) {
			floor = prev
		}
	}
	for topic, offset := range l.gone {
		if offset > floor && Match(filter, topic) {
			floor = offset
		}
	}
	return floor
}

// index is that of the first slot at or above offset.
func (l *memoryLog) index(offset int64) int {
	return sort.Search(len(l.slots), func(i int) bool { return l.slots[i].offset >= offset })
}

func (l *memoryLog) headOf(filter string) Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep()
	head := l.head
	head.Floor = l.floor(filter)
	return head
}

func (l *memoryLog) renew(epoch string) (Head, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.head.Epoch != epoch {
		return l.head, false
	}
	l.head.Epoch = newEpoch()
	return l.head, true
}

// read appends up to readBatch records that q selects, but for q.Last.
func (l *memoryLog) read(q Query, out []*Record) []*Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep()
	if isPlain(q.Filter) {
		kept := l.topics[q.Filter]
		i := sort.Search(len(kept), func(i int) bool { return kept[i].Position.Offset > q.After })
		for ; i < len(kept) && len(out) < readBatch && kept[i].Position.Offset <= q.UpTo; i++ {
			out = append(out, kept[i])
		}
		return out
	}
	for i := l.index(q.After + 1); i < len(l.slots) && len(out) < readBatch && l.slots[i].offset <= q.UpTo; i++ {
		if r := l.slots[i].record; r != nil && Match(q.Filter, r.Topic) {
			out = append(out, r)
		}
	}
	return out
}

// afterLast is the bound below which q.Last excludes records.
func (l *memoryLog) afterLast(q Query) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for i := l.index(q.UpTo+1) - 1; i >= 0 && l.slots[i].offset > q.After; i-- {
		if r := l.slots[i].record; r != nil && Match(q.Filter, r.Topic) {
			if n++; n == q.Last {
				return l.slots[i].offset - 1
			}
		}
	}
	return q.After
}
