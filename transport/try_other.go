//go:build !unix

package transport

import (
	"errors"
	"sync"
	"syscall"
)

// canTry is false: each session is written to by a goroutine of its own, and has a read buffer of its own.
const canTry = false

type attempt struct{}

var attempts = sync.Pool{New: func() any { return &attempt{} }}

func (*attempt) write(syscall.RawConn, []byte) (int, error) { return 0, errors.ErrUnsupported }

var errNothing = errors.ErrUnsupported

func (*tap) tryRead([]byte) (int, error) { return 0, errors.ErrUnsupported }
