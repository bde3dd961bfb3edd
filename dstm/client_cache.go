package dstm

import (
	"errors"
	"slices"
	"strings"

	"github.com/trefoilgo/trefoil/dstm/internal/keep"
	"github.com/trefoilgo/trefoil/dstm/internal/replica"
)

// cache is what a client stores of its objects, so that they are there before any connection: for each a base, and tails of what changed
// since. The client's mutex guards it.
type cache struct {
	client   *Client
	limit    int       // of objects
	most     int       // of bytes
	list     []*cached // the most recently opened first
	unlisted bool      // the list is to be written
}

// cached is one object's place in the cache.
type cached struct {
	name   string
	base   []byte         // as loaded, until it is opened
	tails  [][]byte       // likewise
	kept   *replica.Saved // as it was when its last user closed it, until it is opened again
	size   int            // of the base
	tail   int            // of all tails
	count  int            // of the tails
	level  bool
	closed bool // a later version wrote it: nothing is written over it

	// What is stored, or about to be, is of this state.
	epoch   string
	version uint64
}

const (
	minTail  = 4 << 10 // below it a tail is not worth writing the base anew
	maxTails = 256
)

// load takes what the storage holds.
func (s *cache) load(list []keep.Cached, data map[string][]byte) {
	at := map[string]*cached{}
	for key, value := range data {
		if name, ok := strings.CutPrefix(key, keep.ReplicaPrefix); ok {
			at[name] = &cached{name: name, base: value, size: len(value)}
		}
	}
	for _, c := range list {
		if e := at[c.Name]; e != nil && !slices.Contains(s.list, e) {
			e.level = c.Level
			s.list = append(s.list, e)
		}
	}
	for _, name := range keysOf(at) {
		if e := at[name]; !slices.Contains(s.list, e) {
			s.list = append(s.list, e)
		}
	}
	for _, key := range keysOf(data) {
		name, n, ok := keep.TailOf(key)
		e := at[name]
		switch {
		case !ok:
		case e == nil || n != e.count: // of a base that is gone
			s.client.disk.put(key, nil)
		default:
			e.tails, e.count, e.tail = append(e.tails, data[key]), n+1, e.tail+len(data[key])
		}
	}
}

func (s *cache) find(name string) *cached {
	if i := slices.IndexFunc(s.list, func(e *cached) bool { return e.name == name }); i >= 0 {
		return s.list[i]
	}
	return nil
}

// bytes is what an object counts for: what is stored of it, or is about to be.
func (e *cached) bytes() int {
	if e.size == 0 && e.kept != nil {
		return e.kept.Root.Weight()
	}
	return e.size + e.tail
}

// holds reports whether the object is there without a connection.
func (s *cache) holds(name string) bool {
	e := s.find(name)
	return e != nil && (e.base != nil || e.kept != nil)
}

// open returns what is stored of an object, nil if there is nothing to use, and notes that it is in use.
func (s *cache) open(name string) (saved *replica.Saved, level bool) {
	if !s.client.disk.active() {
		return nil, false
	}
	e := s.find(name)
	if e == nil {
		e = &cached{name: name}
	}
	if i := slices.Index(s.list, e); i != 0 {
		if i > 0 {
			s.list = slices.Delete(s.list, i, i+1)
		}
		s.list = slices.Insert(s.list, 0, e)
		s.unlisted = true
	}
	if e.base != nil {
		saved = s.decode(e)
		e.base, e.tails = nil, nil
	} else {
		saved, e.kept = e.kept, nil
	}
	s.bound()
	// What is not stored yet has moved since.
	return saved, e.level && len(s.client.core.Unsaved()) == 0
}

// keep keeps an object that its last user is about to close.
func (s *cache) keep(name string) {
	e := s.find(name)
	if e == nil || !s.client.disk.active() {
		return // there is no room for it
	}
	if saved, ok := s.client.core.Keep(name); ok {
		e.kept = &saved
		s.bound()
	}
}

func (s *cache) decode(e *cached) *replica.Saved {
	k, key := &s.client.disk, keep.ReplicaPrefix+e.name
	saved, err := keep.ReadReplica(e.name, e.base)
	for n := 0; n < len(e.tails) && err == nil; n++ {
		key = keep.TailKey(e.name, n)
		err = keep.Extend(saved, key, e.tails[n])
	}
	if err == nil {
		e.epoch, e.version = saved.Epoch, saved.Version
		return saved
	}
	k.tell(key, err)
	if e.closed = errors.Is(err, keep.ErrNewer); e.closed {
		return nil
	}
	k.put(keep.AsidePrefix+keep.ReplicaPrefix+e.name, e.base) // it will be written over
	for n, tail := range e.tails {
		k.put(keep.AsidePrefix+keep.TailKey(e.name, n), tail)
	}
	e.size, e.level = 0, false
	return nil
}

// bound forgets the least recently opened objects beyond the limits.
func (s *cache) bound() {
	bytes := 0
	for _, e := range s.list {
		bytes += e.bytes()
	}
	for i := len(s.list) - 1; i > 0 && (len(s.list) > s.limit || bytes > s.most); i-- {
		if e := s.list[i]; !s.client.works.uses(e.name) {
			bytes -= e.bytes()
			s.remove(e)
		}
	}
}

// remove forgets an object.
func (s *cache) remove(e *cached) {
	k := &s.client.disk
	s.list = slices.DeleteFunc(s.list, func(x *cached) bool { return x == e })
	s.unlisted = true
	s.client.core.Discard(e.name)
	if e.closed {
		return
	}
	k.put(keep.ReplicaPrefix+e.name, nil)
	for n := range e.count {
		k.put(keep.TailKey(e.name, n), nil)
	}
}

// deny forgets an object that this client may no longer see.
func (s *cache) deny(name string) {
	if e := s.find(name); e != nil {
		s.remove(e)
	}
}

// behind sees to it that what is stored of an object holds a commit whose record goes in the next batch. What is held is in that batch too. But an object
// that is not there, as one that the server took away before the answer came, may be stored as it was before: then it is forgotten.
func (s *cache) behind(name, epoch string, version uint64) {
	e := s.find(name)
	if e == nil || e.closed {
		return
	}
	at, held, ok := s.client.core.Held(name)
	if !ok {
		at, held = e.epoch, e.version
	}
	if at != epoch || held >= version {
		return
	}
	s.client.world.Happened("stored objects forgotten")
	s.remove(e)
	s.list = append([]*cached{{name: name}}, s.list...)
}

// save is one record to be written; it is encoded without the mutex.
type save struct {
	entry  *cached
	key    string
	base   bool
	encode func() []byte
}

// collect puts what the list and the works say now and returns what is to be written of the objects: all that changed, so that what is
// stored is of one time.
func (s *cache) collect() (saves []save) {
	c := s.client
	moved := false
	for _, name := range c.core.Unsaved() {
		moved = true
		e := s.find(name)
		if e == nil || e.closed {
			c.core.Save(name, true)
			continue
		}
		whole := e.size == 0 || e.tail > max(e.size, minTail) || e.count >= maxTails
		saved, steps, ok := c.core.Save(name, whole)
		e.epoch, e.version = saved.Epoch, saved.Version
		switch {
		case !ok:
		case steps != nil:
			key := keep.TailKey(name, e.count)
			e.count++
			saves = append(saves, save{e, key, false, func() []byte { return keep.AppendTail(key, steps) }})
		default:
			for n := range e.count {
				c.disk.put(keep.TailKey(name, n), nil)
			}
			e.count, e.tail = 0, 0
			saves = append(saves, save{e, keep.ReplicaPrefix + name, true, func() []byte { return keep.AppendReplica(name, &saved) }})
		}
	}
	if len(saves) > 0 { // what was overtaken is so in what is written now
		for _, w := range c.works.order {
			if w.Sequence != 0 && !w.landing && w.Hidden != c.core.Hidden(w.Sequence) {
				w.Hidden = !w.Hidden
				c.store(w)
			}
		}
	}
	s.level(moved)
	if s.unlisted {
		s.unlisted = false
		list := make([]keep.Cached, len(s.list))
		for i, e := range s.list {
			list[i] = keep.Cached{Name: e.name, Level: e.level}
		}
		c.disk.put(keep.CacheKey, keep.AppendCache(list))
	}
	return saves
}

// level notes which objects are stored as they were at one position; moved says that some are now as they were later.
func (s *cache) level(moved bool) {
	level := map[string]bool{}
	for _, names := range s.client.core.Level() {
		for _, name := range names {
			level[name] = true
		}
	}
	for _, e := range s.list {
		if (e.base != nil || e.kept != nil) && !moved {
			continue // not open, and the others stay what they were
		}
		if e.level != level[e.name] {
			e.level = !e.level
			s.unlisted = true
		}
	}
}

// saved notes the sizes of what was written.
func (s *cache) saved(saves []save, records map[string][]byte) {
	for _, x := range saves {
		if size := len(records[x.key]); x.base {
			x.entry.size = size
		} else {
			x.entry.tail += size
		}
	}
	if len(saves) > 0 {
		s.bound()
	}
}
