//go:build unix

package transport

import (
	"net"
	"os"
	"syscall"
)

// canTry says that sockets do not block: those of package net never do here.
const canTry = true

// attempt is a write that does not wait. Package net offers none, but lets one call the
// system itself; a deadline that has passed would not do: then nothing is written at all.
type attempt struct {
	conn syscall.RawConn
	call func(fd uintptr) bool
	p    []byte
	n    int
	err  error
}

func newAttempt(c *net.TCPConn) (*attempt, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	a := &attempt{conn: raw}
	a.call = a.writeTo
	return a, nil
}

// write writes as much of p as goes at once.
func (a *attempt) write(p []byte) (int, error) {
	a.p, a.n, a.err = p, 0, nil
	err := a.conn.Write(a.call)
	a.p = nil
	if err == nil {
		err = a.err
	}
	return a.n, err
}

// writeTo returns true: false would wait until there is room.
func (a *attempt) writeTo(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), a.p)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
		case err != nil:
			a.err = os.NewSyscallError("write", err)
		default:
			a.n = n
		}
		return true
	}
}
