package transport

import (
	"bufio"
	"sync"
)

// A connection on which nothing arrives has no read buffer; one on which something arrives borrows a
// large one, until all of it is dealt with. So many idle connections cost little, and what arrives together is read with one system
// call. gorilla keeps a pointer to its bufio.Reader, but what that holds can be changed under it: the state of a reader
// from the pool, buffer included, is copied into it, and back again.
//
// Waiting with nothing takes a call of the system that reads what there is, and leaves the waiting to package net: see waitWithout.

// lentBuffer is the size of those buffers.
const lentBuffer = 16 << 10

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, lentBuffer) }}

// lending is what a tap has borrowed. It is the reading goroutine's.
type lending struct {
	from   *bufio.Reader // whose buffer the tap's reader has, nil if it has none
	call   func(fd uintptr) bool
	fd     int  // while trying
	trying bool // Read shall not wait
	err    error
}

// borrow gives the tap's reader a buffer.
func (t *tap) borrow() {
	r := readers.Get().(*bufio.Reader)
	r.Reset(t)
	t.lend(r)
}

func (t *tap) lend(r *bufio.Reader) {
	*t.buffer = *r
	t.lending.from = r
}

// giveBack takes the buffer, of which nothing is left to read, from the tap's reader.
func (t *tap) giveBack() {
	r := t.lending.from
	if r == nil {
		return
	}
	*r = *t.buffer
	*t.buffer = bufio.Reader{}
	t.lending.from = nil
	returnReader(r)
}

func returnReader(r *bufio.Reader) {
	r.Reset(nil) // the pool must not hold the connection
	readers.Put(r)
}

// waitWithout waits without a buffer, and returns with one that holds what has come.
func (t *tap) waitWithout() error {
	t.giveBack()
	if t.before != nil {
		t.before()
	}
	l := &t.lending
	if l.call == nil {
		l.call = t.arrived
	}
	l.err = nil
	err := t.raw.Read(l.call)
	if err == nil {
		err = l.err
	}
	if err == nil && t.after != nil {
		t.after()
	}
	return err
}

// arrived is called by RawConn.Read at first and whenever there may be something to read. With false it goes on waiting.
func (t *tap) arrived(fd uintptr) bool {
	r := readers.Get().(*bufio.Reader)
	r.Reset(t)
	l := &t.lending
	l.fd, l.trying = int(fd), true
	_, err := r.Peek(1)
	l.trying = false
	if err == nil {
		t.lend(r)
		return true
	}
	returnReader(r)
	if err == errNothing {
		return false
	}
	l.err = err
	return true
}
