// Package world is what stores and clients take from the machine that they run on:
// time, randomness, goroutines, waiting, and sessions. A simulation puts its own in place of all
// of it, so that a whole system runs on one goroutine, and the same seed runs it in the same way again.
package world

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/transport"
)

// World is one machine. Its functions may be called from several goroutines, but for Await and Note, and all are set, but for these.
type World struct {
	// Now is the time.
	Now func() time.Time
	// Random is a source of random bytes that never fails.
	Random io.Reader
	// After calls fn on a goroutine of its own when d is over, unless stop was called before.
	After func(d time.Duration, fn func()) (stop func())
	// Go calls fn on a goroutine of its own.
	Go func(fn func())
	// Await, if it is set, is called where the caller is about to wait, and returns when that will take no time:
	// ready must be quick, may be called often, and changes nothing. It is nil in the real world, where a goroutine just waits.
	Await func(ready func() bool)
	// Note, if it is set, is told by name of things that happen inside and do not show outside.
	Note func(what string)
}

// Real is the world outside of simulations.
var Real = &World{
	Now:    time.Now,
	Random: rand.Reader, // never fails, since Go 1.24
	After: func(d time.Duration, fn func()) func() {
		t := time.AfterFunc(d, fn)
		return func() { t.Stop() }
	},
	Go: func(fn func()) { go fn() },
}

// Happened says what happens, to whoever counts it.
func (w *World) Happened(what string) {
	if w.Note != nil {
		w.Note(what)
	}
}

// Until is called where the caller is about to wait for what makes ready true; see Await.
func (w *World) Until(ready func() bool) {
	if w.Await != nil {
		w.Await(ready)
	}
}

// Fill fills b with random bytes.
func (w *World) Fill(b []byte) { io.ReadFull(w.Random, b) }

// Text is 26 random characters.
func (w *World) Text() string {
	var b [16]byte
	w.Fill(b[:])
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
}

// Sleep waits until d is over or ctx is done.
func (w *World) Sleep(ctx context.Context, d time.Duration) {
	if w.Await != nil {
		over := false
		stop := w.After(d, func() { over = true })
		w.Await(func() bool { return over || ctx.Err() != nil })
		stop()
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Jitter is a random duration below d.
func (w *World) Jitter(d time.Duration) time.Duration {
	var b [8]byte
	w.Fill(b[:])
	return time.Duration(binary.LittleEndian.Uint64(b[:]) % uint64(max(d, 1)))
}

// Lock locks mu, which somebody may hold while waiting for something else.
func (w *World) Lock(mu *sync.Mutex) {
	if w.Await == nil {
		mu.Lock()
		return
	}
	held := false
	w.Await(func() bool {
		held = held || mu.TryLock()
		return held
	})
}

// Closed reports whether ch, on which nothing is ever sent, is closed.
func Closed[T any](ch <-chan T) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// Receive waits for what comes through ch, or for the end of ctx: then ok is false. What has come counts even if ctx is over
// too: a simulation repeats itself only if none of this is left to chance.
func Receive[T any](ctx context.Context, ch <-chan T) (v T, ok bool) {
	select {
	case v = <-ch:
		return v, true
	default:
	}
	select {
	case v = <-ch:
		return v, true
	case <-ctx.Done():
		return v, false
	}
}

// Session is what stores and clients use of a *transport.Session.
type Session interface {
	Client() transport.ID
	Identity() transport.Identity
	Context() context.Context
	TrySend(frame []byte) error
	TrySendShared(f *transport.Shared) error
	Send(ctx context.Context, frame []byte) error
	AfterDrain(fn func())
	MaxFrame() int
	JSON() bool
	Close(code transport.CloseCode, reason string)
}

// Hooks that package dstm sets for simulations and test kits. Stores, clients and transactions are passed as what they
// are in dstm, and so are logs and options.
var (
	// NewStore and NewClient make a store or client in a world of its own.
	NewStore  func(w *World, log, options any) (store any, err error)
	NewClient func(w *World, options any) (client any)
	// AttachStore and AttachClient open a session.
	AttachStore  func(store any, s Session) transport.Receiver
	AttachClient func(client any, s Session) transport.Receiver
	// Wrote reports whether a transaction has written anything so far.
	Wrote func(tx any) bool
)
