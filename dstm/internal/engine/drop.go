package engine

import "encoding/binary"

// To forget the oldest clients they must be found by age. But a client's age changes with each of its entries, and nearly always nothing is to be forgotten. So a
// client keeps its place among the ages until it seems to be the oldest, and gets a new one then: no entry costs more than one such move in the long run.

// aged is a client's place among the ages.
type aged struct {
	client string // the key in clients
	time   int64  // of the entry at that position
}

// drop forgets the clients that have been silent for too long, and the oldest beyond the limit, a few at a time. The
// entry tells which.
func (s *State) drop(e *Entry) {
	for range dropsPerEntry {
		key, c := s.tooOld()
		if c == nil {
			return
		}
		s.Forgotten = max(s.Forgotten, c.Position)
		s.ages = s.ages.Delete(age(c.aged))
		s.clients = s.clients.Delete(key)
		e.Dropped = append(e.Dropped, ID([]byte(key)))
	}
}

// tooOld is the oldest client if it is to be forgotten, nil otherwise.
func (s *State) tooOld() (string, *Client) {
	for {
		at, first := s.ages.First()
		if first == nil || s.clients.Len() <= s.opts.MaxClients && s.Time-first.time <= int64(s.opts.Retention) {
			return "", nil // nobody is older than the first place says
		}
		c := s.clients.Get(first.client)
		if c.aged == c.Position {
			return first.client, c
		}
		moved := *c
		moved.aged = c.Position
		s.ages = s.ages.Delete(at).Put(age(c.Position), aged{first.client, c.Time})
		s.clients = s.clients.Put(first.client, moved)
	}
}

// age orders clients by an entry of theirs; no two have the same.
func age(position uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], position)
	return string(b[:])
}
