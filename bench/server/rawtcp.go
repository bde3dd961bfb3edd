package server

import (
	"encoding/binary"
	"net"

	"github.com/trefoilgo/trefoil/bench/child"
)

// rawTCP answers all requests that one read has brought with one write. A request is its length, four bytes, and so much payload.
func rawTCP() ([]string, map[string]child.Command, error) {
	l, address, err := listen()
	if err != nil {
		return nil, nil, err
	}
	go must(func() error {
		for {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			go echoTCP(c)
		}
	})
	return []string{address}, nil, nil
}

func echoTCP(c net.Conn) {
	defer c.Close()
	buffer := make([]byte, 256<<10)
	have := 0
	for {
		n, err := c.Read(buffer[have:])
		if err != nil {
			return
		}
		have += n
		whole := WholeRequests(buffer[:have])
		if _, err := c.Write(buffer[:whole]); err != nil {
			return
		}
		have = copy(buffer, buffer[whole:have])
	}
}

// WholeRequests is how many bytes of b are requests that are there to their end.
func WholeRequests(b []byte) int {
	n := 0
	for len(b)-n >= 4 {
		size := 4 + int(binary.BigEndian.Uint32(b[n:]))
		if len(b)-n < size {
			break
		}
		n += size
	}
	return n
}
