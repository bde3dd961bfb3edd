package machine

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Wire is how many bytes this process's TCP connections to a port have carried so far, both ways: what stood in segments,
// without the headers of TCP and IP and what was sent again. It is the kernel's count, so it holds for every client
// library alike. Connections that have been closed are not in it.
func Wire(port int) (int64, error) {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, err
	}
	var total int64
	for _, name := range names {
		fd, err := strconv.Atoi(name.Name())
		if err != nil {
			continue
		}
		if remotePort(fd) == port {
			total += carried(fd)
		}
	}
	return total, nil
}

// remotePort is the TCP port at the other end of fd, 0 if there is none.
func remotePort(fd int) int {
	peer, err := unix.Getpeername(fd)
	if err != nil {
		return 0
	}
	switch a := peer.(type) {
	case *unix.SockaddrInet4:
		return a.Port
	case *unix.SockaddrInet6:
		return a.Port
	}
	return 0
}

// carried is what the connection fd has carried both ways.
func carried(fd int) int64 {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0
	}
	return int64(info.Bytes_sent-info.Bytes_retrans) + int64(info.Bytes_received)
}
