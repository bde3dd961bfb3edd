package machine

import (
	"encoding/binary"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Wire is how many bytes this process's TCP connections to a port have carried since it was asked first, and before that those that were open
// then: the sum of Traffics, and of what connections have carried that were closed since. Of those the kernel tells when it forgets them (sock_diag(7), what "ss -E"
// shows); where it does not, they count as they did when they were last seen. That the far end has closed counts as a byte.
func Wire(port int) (int64, error) {
	wires.mu.Lock()
	defer wires.mu.Unlock()
	if wires.ports == nil {
		wires.ports = map[int]*wire{}
		wires.events = subscribe()
	}
	w := wires.ports[port]
	if w == nil {
		w = &wire{}
		wires.ports[port] = w
	}
	drain()
	open, err := Traffics(port)
	if err != nil {
		return 0, err
	}
	w.ended = map[int]bool{}
	for deadline := time.Now().Add(patience); w.missing(open) && wires.events >= 0 && time.Now().Before(deadline); drain() {
		time.Sleep(time.Millisecond)
	}
	for local, last := range w.open {
		if _, still := open[local]; !still {
			w.closed += last
			if w.settled == nil {
				w.settled = map[int]bool{}
			}
			w.settled[local] = true
		}
	}
	w.open = make(map[int]int64, len(open))
	sum := w.closed
	for local, t := range open {
		if !w.ended[local] { // else it is among the closed ones by now
			w.open[local] = t.Both()
			sum += t.Both()
		}
	}
	w.ended = nil
	return sum, nil
}

// patience is how long to wait until the kernel tells of connections that are not open any more.
const patience = time.Second

var wires struct {
	mu     sync.Mutex
	events int // a descriptor that the kernel's events are read from, -1 if there is none
	ports  map[int]*wire
}

// wire is what is known of the connections to a port.
type wire struct {
	open    map[int]int64 // by their local ports: what they had carried when they were last seen
	closed  int64         // what the others have carried
	ended   map[int]bool  // of which the kernel has told during this call; nil between calls
	settled map[int]bool  // closed without an event: one that comes late is not counted again
}

// missing reports whether a connection is not open any more and the kernel has not told of it.
func (w *wire) missing(open map[int]Traffic) bool {
	for local := range w.open {
		if _, still := open[local]; !still {
			return true
		}
	}
	return false
}

// end takes in what the kernel tells of a connection at its end.
func (w *wire) end(local int, carried int64) {
	if w.settled[local] {
		delete(w.settled, local)
		return
	}
	delete(w.open, local)
	w.closed += carried
	if w.ended != nil {
		w.ended[local] = true
	}
}

// subscribe opens a socket for the kernel's events, -1 if that cannot be.
func subscribe() int {
	const destroyedTCP = 1 // the group SKNLGRP_INET_TCP_DESTROY of linux/sock_diag.h
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return -1
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<20) // as much as may be: many connections are closed at once
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: destroyedTCP}); err != nil {
		unix.Close(fd)
		return -1
	}
	return fd
}

// drain takes in all events that wait. The caller holds mu.
func drain() {
	if wires.events < 0 {
		return
	}
	b := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(wires.events, b, 0)
		switch err {
		case nil:
			takeEvents(b[:n])
		case unix.EINTR, unix.ENOBUFS: // the latter: some were lost, and count as they were last seen
		default:
			return
		}
	}
}

// takeEvents takes messages of netlink apart: a header of 16 bytes; struct inet_diag_msg of linux/inet_diag.h, of which the ports
// stand at 4; attributes, of which one is struct tcp_info.
func takeEvents(b []byte) {
	const header, diag, info = unix.SizeofNlMsghdr, 72, 2
	for len(b) >= header {
		size := int(binary.NativeEndian.Uint32(b))
		if size < header || size > len(b) {
			return
		}
		if one := b[header:size]; len(one) >= diag {
			local, port := int(binary.BigEndian.Uint16(one[4:])), int(binary.BigEndian.Uint16(one[6:]))
			if carried, ok := bytesOf(attribute(one[diag:], info)); ok && wires.ports[port] != nil {
				wires.ports[port].end(local, carried)
			}
		}
		b = b[min(len(b), (size+3)&^3):]
	}
}

// attribute is one of netlink's attributes, nil if it is not there.
func attribute(b []byte, kind uint16) []byte {
	for len(b) >= 4 {
		size := int(binary.NativeEndian.Uint16(b))
		if size < 4 || size > len(b) {
			return nil
		}
		if binary.NativeEndian.Uint16(b[2:]) == kind {
			return b[4:size]
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return nil
}

// bytesOf is what a connection has carried, of its struct tcp_info.
func bytesOf(info []byte) (int64, bool) {
	var t unix.TCPInfo
	if len(info) < int(unsafe.Offsetof(t.Bytes_retrans))+8 {
		return 0, false
	}
	at := func(offset uintptr) int64 { return int64(binary.NativeEndian.Uint64(info[offset:])) }
	return at(unsafe.Offsetof(t.Bytes_received)) + at(unsafe.Offsetof(t.Bytes_sent)) - at(unsafe.Offsetof(t.Bytes_retrans)), true
}
