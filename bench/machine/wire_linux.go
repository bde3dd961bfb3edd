package machine

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Traffics is what this process's TCP connections to a port have carried so far, by their ports at this end: what stood in
// segments, without the headers of TCP and IP and what was sent again. It is the kernel's count, so it holds for every
// client library alike. Connections that have been closed are not in it.
func Traffics(port int) (map[int]Traffic, error) {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	all := map[int]Traffic{}
	for _, name := range names {
		fd, err := strconv.Atoi(name.Name())
		if err != nil {
			continue
		}
		if portOf(unix.Getpeername(fd)) == port {
			all[portOf(unix.Getsockname(fd))] = carried(fd)
		}
	}
	return all, nil
}

// portOf is the TCP port of an address, 0 if there is none.
func portOf(address unix.Sockaddr, err error) int {
	if err != nil {
		return 0
	}
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		return a.Port
	case *unix.SockaddrInet6:
		return a.Port
	}
	return 0
}

// carried is what the connection fd has carried.
func carried(fd int) Traffic {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return Traffic{}
	}
	return Traffic{Down: int64(info.Bytes_received), Up: int64(info.Bytes_sent - info.Bytes_retrans)}
}
