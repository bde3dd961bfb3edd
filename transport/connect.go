package transport

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/trefoilgo/trefoil/status"
)

// run is the client's goroutine: it connects, reads, and connects again. first,
// if not nil, hears how the first attempt went; a failure of that one ends the client.
func (c *Client) run(ctx context.Context, first chan<- error) {
	defer close(c.done)
	defer c.cancel()
	var ghosts ghosts
	for failed := 0; ; {
		begun := time.Now()
		s, lived, err := c.session(ctx, first)
		ctx = context.Background() // Dial's bounds its first attempt alone
		opened := s != nil && s.open.Load()
		if first != nil && !opened {
			c.state.set(State{Phase: Closed, Attempt: 1, Err: err})
			first <- err
			return
		}
		first = nil
		failed++
		if opened && lived {
			failed = 0
		}
		if c.ctx.Err() != nil {
			c.finish(State{Err: errClosed})
			return
		}
		if final(s, err) && !(c.alone && ghosts.passed(s, time.Since(begun))) || c.opts.MaxAttempts > 0 && failed >= c.opts.MaxAttempts {
			c.finish(State{Attempt: failed, Err: err})
			return
		}
		if !c.pause(failed, err) {
			c.finish(State{Err: errClosed})
			return
		}
	}
}

// finish ends the client for good and tells its patterns.
func (c *Client) finish(state State) {
	for _, p := range c.patterns {
		if f, ok := p.(Finisher); ok && !c.failed.Load() {
			c.tell(p.Name(), f, state.Err)
		}
	}
	state.Phase = Closed
	c.state.set(state)
}

// tell tells a pattern, and lives through its panic.
func (c *Client) tell(name string, f Finisher, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("transport: panic", "in", "Finish", "pattern", name, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	f.Finish(err)
}

// final reports whether there is no point in trying again.
func final(s *Session, err error) bool {
	if s == nil {
		// A url that is none, credentials that cannot be encoded or had.
		return errors.Is(err, status.InvalidArgument) || errors.Is(err, status.Unauthenticated) || errors.Is(err, status.PermissionDenied)
	}
	e := s.ending.Load()
	// What this side found wrong with the server is not better next time either.
	return !e.cut && !e.code.ComeBack()
}

// pause waits before the next attempt; false means that the client was closed.
func (c *Client) pause(failed int, err error) bool {
	delay := c.backoff.delay(max(0, failed-1))
	c.mu.Lock()
	if !c.until.IsZero() {
		// The server knows better, and has spread its clients itself.
		delay = max(0, time.Until(c.until))
		c.until = time.Time{}
	}
	c.mu.Unlock()
	c.state.set(State{Phase: Connecting, Attempt: failed, Retry: time.Now().Add(delay), Err: err})
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		c.state.set(State{Phase: Connecting, Attempt: failed, Err: err})
		return true
	case <-c.ctx.Done():
		return false
	}
}

// session makes one connection and stays until everything about it has ended.
// lived says that its session was open for a heartbeat at least. Without a session s is nil.
func (c *Client) session(ctx context.Context, first chan<- error) (s *Session, lived bool, err error) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.opts.ConnectTimeout)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	begin, conn, err := c.dial(ctx)
	if err != nil {
		return nil, false, status.From(err)
	}
	s = newSession(conn, false, &c.limits, c.opts.Outbound, c.log)
	s.client = c.ID()
	var heartbeat time.Duration
	var opened time.Time
	s.greet = func(s *Session, h header) {
		if heartbeat = c.welcomed(s, h); !s.open.Load() {
			return
		}
		opened = time.Now()
		c.live.Store(s)
		c.state.set(State{Phase: Open, Session: s.id})
		if first != nil {
			first <- nil
		}
	}
	s.goaway = func(delay time.Duration, _ string) { c.leave(s, delay) }
	c.mu.Lock()
	c.current = s
	c.mu.Unlock()
	conn.Observe(func() {}, s.afterRead)
	conn.SetReadLimit(max(openingMessage, c.limits.message))
	left := max(0, c.opts.ConnectTimeout-time.Since(begun))
	s.handshake = time.AfterFunc(left, func() { s.Close(CloseHandshakeTimeout, "no welcome in time") })
	if c.ctx.Err() != nil { // Close may have come before it could see s
		s.Close(CloseNormal, "")
	}
	s.queueControl(begin)
	s.readLoop()
	<-s.done.channel()
	c.live.CompareAndSwap(s, nil)
	c.mu.Lock()
	c.current = nil
	c.mu.Unlock()
	lived = !opened.IsZero() && time.Since(opened) >= heartbeat
	return s, lived, refusal(s.ending.Load().err)
}

// dial opens a connection, and makes the hello for it: credentials are asked anew each time.
func (c *Client) dial(ctx context.Context) (begin []byte, conn Conn, err error) {
	h := hello{
		version: protocolVersion, key: c.opts.Key, features: c.features, limits: c.limits, agent: c.opts.Agent,
	}
	for _, p := range c.patterns {
		h.patterns = append(h.patterns, p.Name())
	}
	if c.opts.Credentials != nil {
		if h.credentials, err = c.opts.Credentials(ctx); err != nil {
			return nil, nil, err
		}
	}
	if begin, err = h.append(nil); err != nil {
		return nil, nil, err
	}
	if len(begin) > openingMessage/2 { // JSON is longer
		return nil, nil, status.New(status.InvalidArgument, "transport.bad_credentials", "the credentials are larger than 32 KiB")
	}
	subprotocol := SubprotocolMsgpack
	if c.opts.JSON {
		subprotocol = SubprotocolJSON
	}
	conn, err = c.opts.Dialer.Dial(ctx, c.url, subprotocol)
	return begin, conn, err
}

// welcomed takes the server's first frame and opens the session. It returns the
// heartbeat interval.
func (c *Client) welcomed(s *Session, head header) time.Duration {
	if head.pattern != NumberControl || head.kind != kindWelcome {
		s.Close(CloseProtocol, "the first frame must be welcome")
		return 0
	}
	w, err := readWelcome(head.body)
	if err != nil {
		code := CloseMalformed
		if errors.Is(err, errVersion.Reason) {
			code = CloseOutdated
		}
		s.Close(code, status.From(err).Message)
		return 0
	}
	if !s.handshake.Stop() {
		return 0
	}
	s.id, s.client, s.features, s.identity.User = w.session, w.client, w.features, w.user
	for _, p := range c.patterns {
		for _, b := range w.patterns {
			if b.name == p.Name() {
				s.bound = append(s.bound, bound{name: b.name, number: b.number})
			}
		}
	}
	s.out.mu.Lock()
	s.out.peer = w.limits
	s.out.mu.Unlock()
	s.conn.SetReadLimit(c.limits.message)
	if w.heartbeat > 0 {
		s.watch(w.heartbeat*2 + w.heartbeat/2)
	}
	s.openPatterns(c.patterns)
	return w.heartbeat
}

// leave is what a goaway asks for: stay until the delay is over, then come back,
// at once. If the server closes before that, what is left of the delay is waited.
func (c *Client) leave(s *Session, delay time.Duration) {
	c.mu.Lock()
	c.until = time.Now().Add(delay)
	c.mu.Unlock()
	timer := time.AfterFunc(delay, func() { s.Close(CloseGoingAway, "asked to go") })
	context.AfterFunc(s.ctx, func() { timer.Stop() })
}
