package transport

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/trefoilgo/trefoil/status"
)

// accept makes a session of a connection that was just opened, and starts its
// reading goroutine. r is nil for a pipe. An error means that the server lets nobody
// in, and leaves the connection to the caller.
func (s *Server) accept(conn Conn, r *http.Request) error {
	one := newSession(conn, true, &s.limits, s.opts.Outbound, s.log)
	one.id = NewID()
	one.host = s
	if one.try != nil {
		one.pool = s.writers
	}
	one.greet = func(one *Session, h header) { s.welcome(one, h, r) }
	s.mu.Lock()
	if err := s.closedDoor(); err != nil {
		s.mu.Unlock()
		return err
	}
	s.sessions[one] = struct{}{}
	one.greeting = true
	s.greeting++
	if !s.sweeping {
		s.sweeping = true
		go s.sweep()
	}
	s.mu.Unlock()
	conn.Observe(one.beforeRead, one.afterRead)
	conn.SetReadLimit(openingMessage)
	one.handshake = time.AfterFunc(s.opts.HandshakeTimeout, func() {
		one.Close(CloseHandshakeTimeout, "no hello in time")
	})
	go one.readLoop()
	return nil
}

// closedDoor says why no connection may come just now, if so. The caller holds mu.
func (s *Server) closedDoor() error {
	switch {
	case s.refusing != "":
		return status.New(status.Unavailable, reasonRefused, "%s", s.refusing)
	case s.greeting >= s.opts.MaxHandshakes:
		return status.New(status.Unavailable, reasonRefused, "too many connections are in their handshake")
	}
	return nil
}

// greeted ends the handshake of one.
func (s *Server) greeted(one *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one.greeting {
		one.greeting = false
		s.greeting--
	}
}

// forget is called when everything of a session has ended.
func (s *Server) forget(one *Session) {
	if s.member != nil {
		s.member.forget(one)
	}
	s.greeted(one)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, one)
	if s.clients[one.client] == one {
		delete(s.clients, one.client)
	}
	if s.refusing != "" && len(s.sessions) == 0 {
		close(s.ended)
	}
}

// welcome takes hello, on the session's reading goroutine, and answers it.
func (s *Server) welcome(one *Session, head header, r *http.Request) {
	if head.pattern != NumberControl || head.kind != kindHello {
		one.Close(CloseProtocol, "the first frame must be hello")
		return
	}
	if !one.handshake.Stop() {
		return // too late
	}
	// Authenticate is told by its context; should it not listen, the client need not wait for it.
	one.handshake = time.AfterFunc(s.opts.HandshakeTimeout+closeGrace, func() {
		one.Close(CloseOverloaded, "the login takes too long")
	})
	h, err := readHello(head.body)
	if err != nil {
		code := CloseMalformed
		if errors.Is(err, errVersion.Reason) {
			code = CloseOutdated
		}
		one.Close(code, status.From(err).Message)
		return
	}
	one.client, one.agent, one.features = h.key.Client(), h.agent, h.features
	ctx, cancel := one.handshakeContext(s.opts.HandshakeTimeout)
	defer cancel()
	if !s.authenticate(ctx, one, h, r) || !s.admit(ctx, one) || !one.handshake.Stop() {
		return
	}
	one.handshake = nil
	one.conn.SetReadLimit(s.limits.message)
	for i, p := range s.patterns {
		for _, name := range h.patterns {
			if name == p.Name() {
				one.bound = append(one.bound, bound{name: name, number: s.numbers[i]})
				break
			}
		}
	}
	w := welcome{
		session: one.id, node: s.node, client: one.client, user: one.identity.User,
		patterns: one.bound, features: s.features, heartbeat: s.opts.Heartbeat,
		time: time.Now().UTC(), limits: s.limits,
	}
	one.openBehind(w.append(nil), h.limits, s.patterns)
	if one.open.Load() {
		s.greeted(one) // otherwise it counts until it is gone
	}
}

// openBehind opens the session for its patterns and lets welcome go ahead of
// whatever is queued meanwhile, by them, by the sweeper, by Drain. If it ends before, the client never sees a welcome.
func (s *Session) openBehind(welcome []byte, peer limits, patterns []Pattern) {
	o := &s.out
	o.mu.Lock()
	for o.writing {
		if o.closed { // it ended meanwhile; then shut may be the writer, for good, and waits for this goroutine
			o.mu.Unlock()
			return
		}
		o.waitIdle()
	}
	if s.json {
		welcome, _ = appendLine(nil, welcome) // it is well-formed: we made it
	}
	o.peer = peer
	o.writing = true // so that nobody else does
	fits := o.putControl(welcome)
	o.mu.Unlock()
	if !fits {
		s.log.Error("transport: the welcome is too long", "bytes", len(welcome), "session", s.id.String())
		s.Close(CloseInternal, "internal error")
	}
	s.openPatterns(patterns)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		o.drop()
	}
	o.stopWriting()
	if o.pending() {
		s.wake()
	}
}

// authenticate asks the program who the client is.
func (s *Server) authenticate(ctx context.Context, one *Session, h *hello, r *http.Request) bool {
	if s.opts.Authenticate == nil {
		return true
	}
	identity, err := s.opts.Authenticate(ctx, &Hello{
		Client: one.client, Agent: h.agent, Credentials: h.credentials, Request: r,
	})
	if err == nil {
		one.identity = identity
		return true
	}
	code, reason := codeForRefusal(err)
	if code == CloseInternal {
		s.log.Error("transport: Authenticate failed", "client", one.client.String(), "error", err)
	}
	one.Close(code, reason)
	return false
}

// admit makes one the live session of its client. An older one ends first, its
// receivers included, so that no pattern ever sees two at once.
func (s *Server) admit(ctx context.Context, one *Session) bool {
	s.mu.Lock()
	older := s.clients[one.client]
	if older == nil && s.opts.MaxSessions > 0 && len(s.clients) >= s.opts.MaxSessions {
		s.mu.Unlock()
		one.Close(CloseOverloaded, "too many sessions")
		return false
	}
	s.clients[one.client] = one
	s.mu.Unlock()
	one.since = time.Now().UnixMilli()
	if older != nil {
		older.Close(CloseSuperseded, "the client opened a newer session")
		select {
		case <-older.detached.channel():
		case <-ctx.Done():
			one.Close(CloseOverloaded, "the client's older session does not end")
			return false
		}
	}
	if s.member == nil {
		return true
	}
	if err := s.member.admit(ctx, one); err != nil {
		one.Close(CloseOverloaded, "the cluster does not answer")
		return false
	}
	return one.Err() == nil
}

// openPatterns opens the session for its patterns. From then on their frames are
// delivered.
func (s *Session) openPatterns(patterns []Pattern) {
	s.delivery.Lock()
	defer s.delivery.Unlock()
	if s.ending.Load() != nil {
		return
	}
	for i := range s.bound {
		b := &s.bound[i]
		for _, p := range patterns {
			if p.Name() != b.name {
				continue
			}
			var receiver Receiver
			var err error
			s.guard("Attach", b.name, func() { receiver, err = p.Attach(s) })
			if s.ending.Load() != nil && err == nil && receiver == nil {
				return // it panicked
			}
			if err != nil {
				code, reason := codeForRefusal(err)
				if code == CloseInternal {
					s.log.Error("transport: Attach failed", "pattern", b.name, "session", s.id.String(), "error", err)
				}
				s.Close(code, reason)
				return
			}
			b.receiver = receiver
		}
	}
	s.open.Store(true)
}
