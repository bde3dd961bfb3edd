//go:build unix

package transport

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
)

// canTry says that sockets do not block: those of package net never do here.
const canTry = true

// attempt is a write that does not wait. Package net offers none, but lets one call the
// system itself; a deadline that has passed would not do: then nothing is written at all.
type attempt struct {
	call func(fd uintptr) bool
	p    []byte
	n    int
	err  error
}

// attempts are between two writes: a connection keeps none.
var attempts = sync.Pool{New: func() any {
	a := &attempt{}
	a.call = a.writeTo
	return a
}}

// write writes as much of p as goes at once.
func (a *attempt) write(conn syscall.RawConn, p []byte) (int, error) {
	a.p, a.n, a.err = p, 0, nil
	err := conn.Write(a.call)
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

// errNothing says that there is nothing to read.
var errNothing = errors.New("transport: nothing to read")

// tryRead reads what there is.
func (t *tap) tryRead(p []byte) (int, error) {
	for {
		n, err := syscall.Read(t.lending.fd, p)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, errNothing
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}
