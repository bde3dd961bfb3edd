package faults

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
	"github.com/trefoilgo/trefoil/verify/rig"
)

// raw is a client that sends the frames that it is given. It stands in the place of package dstm in its connection.
type raw struct {
	conn    *transport.Client
	mu      sync.Mutex
	session *transport.Session
	answers map[int64]chan string // by sequence
	ended   chan struct{}
}

func dialRaw(ctx context.Context, r *rig.Rig) (*raw, error) {
	a := &raw{answers: map[int64]chan string{}, ended: make(chan struct{})}
	var err error
	a.conn, err = r.Dial(ctx, a)
	return a, err
}

func (a *raw) close() { a.conn.Close() }

// Name implements transport.Pattern.
func (a *raw) Name() string { return "dstm" }

// Attach implements transport.Pattern.
func (a *raw) Attach(s *transport.Session) (transport.Receiver, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session == nil {
		a.session = s
	}
	return &rawReceiver{a, s}, nil
}

type rawReceiver struct {
	raw     *raw
	session *transport.Session
}

// Receive implements transport.Receiver: it takes committed and rejected.
func (r *rawReceiver) Receive(f transport.Frame) error {
	if f.Kind != 8 && f.Kind != 9 {
		return nil
	}
	sequence, reason := f.Body.Int(), ""
	if f.Kind == 9 {
		reason = reasonOf(transport.ReadError(&f.Body))
	}
	r.raw.mu.Lock()
	defer r.raw.mu.Unlock()
	if to := r.raw.answers[sequence]; to != nil {
		to <- reason
		delete(r.raw.answers, sequence)
	}
	return nil
}

// Close implements transport.Receiver.
func (r *rawReceiver) Close(error) {
	r.raw.mu.Lock()
	defer r.raw.mu.Unlock()
	if r.session == r.raw.session {
		close(r.raw.ended)
	}
}

func (a *raw) send(frame list) error {
	b, err := codec.Marshal(frame)
	if err != nil {
		return err
	}
	a.mu.Lock()
	session := a.session
	a.mu.Unlock()
	return session.TrySend(b)
}

// commit sends a transaction, the elements behind the log, and returns the reason of its refusal, "" of a commit.
func (a *raw) commit(ctx context.Context, body list) (string, error) {
	answer := make(chan string, 1)
	a.mu.Lock()
	a.answers[int64(body[0].(uint64))] = answer
	a.mu.Unlock()
	if err := a.send(append(list{3, 7, "main"}, body...)); err != nil {
		return "", err
	}
	select {
	case reason := <-answer:
		return reason, nil
	case <-a.ended:
		return "", errEnded
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// wantEnd waits until the server has ended the session.
func (a *raw) wantEnd(ctx context.Context) error {
	select {
	case <-a.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(10 * time.Second):
		return errors.New("the session goes on")
	}
}
