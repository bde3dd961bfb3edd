//go:build !unix

package transport

import (
	"errors"
	"net"
)

// canTry is false: each session is written to by a goroutine of its own.
const canTry = false

type attempt struct{}

func newAttempt(*net.TCPConn) (*attempt, error) { return nil, errors.ErrUnsupported }

func (*attempt) write([]byte) (int, error) { return 0, errors.ErrUnsupported }
