package transport

import "time"

// sweep is the server's one goroutine that looks after all sessions: no session
// has a timer or a deadline of its own. It ends when there are none.
func (s *Server) sweep() {
	interval := s.opts.Heartbeat
	ticker := time.NewTicker(max(interval/4, time.Millisecond))
	defer ticker.Stop()
	var list []*Session
	for {
		select {
		case <-ticker.C:
		case <-s.ended:
			return
		}
		list = list[:0]
		s.mu.Lock()
		for one := range s.sessions {
			list = append(list, one)
		}
		if len(list) == 0 {
			s.sweeping = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		at := time.Now()
		ping := appendPing(nil, kindPing, at.UnixMilli())
		for _, one := range list {
			one.look(at, int64(interval), ping)
		}
		clear(list)
	}
}

// look judges one session of a server: a ping to one that was silent, or heard
// nothing from us, for an interval; the end for one that is dead.
func (s *Session) look(wall time.Time, interval int64, ping []byte) {
	if !s.open.Load() || s.ending.Load() != nil {
		return
	}
	at := 1 + int64(wall.Sub(s.born))
	read := s.lastRead.Load()
	silent := at - read
	if expires := s.identity.Expires; !expires.IsZero() && wall.After(expires) {
		s.Close(CloseExpired, "the credentials expired")
		return
	}
	if s.hung(at, silent, 2*interval) {
		return
	}
	if s.writeFrom.Load() != 0 {
		return // a ping would only wait
	}
	// The client hears from us at least once an interval, even if it talks all the time.
	if silent >= interval && s.pinged != read || at-s.lastWrite.Load() >= interval {
		s.pinged = read
		s.queueControl(ping)
	}
}

// hung ends a session whose peer is dead, or has not taken one message for as long.
func (s *Session) hung(at, silent, patience int64) bool {
	if silent >= patience {
		s.Close(CloseHeartbeat, "nothing was heard for too long")
		return true
	}
	if from := s.writeFrom.Load(); from != 0 && at-from >= patience {
		s.Close(CloseSlowConsumer, "the peer does not read")
		return true
	}
	return false
}

// watch is a client's sweeper for its one session: it looks again when the
// server would be dead if nothing came.
func (s *Session) watch(patience time.Duration) {
	look := func() {
		if s.ending.Load() != nil {
			return
		}
		at := s.now()
		silent := at - s.lastRead.Load()
		if s.hung(at, silent, int64(patience)) {
			return
		}
		left := int64(patience) - silent
		if from := s.writeFrom.Load(); from != 0 {
			left = min(left, int64(patience)-(at-from))
		}
		s.watcher.Reset(time.Duration(max(left, int64(time.Millisecond))))
	}
	s.watcher = time.AfterFunc(time.Hour, look)
	s.watcher.Reset(patience)
}
