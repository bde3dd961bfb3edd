package load

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
)

// rawTCP is a client of the raw TCP echo: all requests that came together leave with one write.
type rawTCP struct {
	c       net.Conn
	r       *bufio.Reader
	w       *bufio.Writer
	payload []byte
}

// DialTCP connects to the raw TCP echo.
func DialTCP(ctx context.Context, address string, connections int) (Echo, error) {
	return dialPipeline(connections, func() (ordered, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return &rawTCP{c, bufio.NewReaderSize(c, 256<<10), bufio.NewWriterSize(c, 1<<20), make([]byte, 1<<20)}, nil
	})
}

func (c *rawTCP) close() { c.c.Close() }

func (c *rawTCP) send(payload []byte) error {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(payload)))
	c.w.Write(length[:])
	_, err := c.w.Write(payload)
	return err
}

func (c *rawTCP) receive() ([]byte, error) {
	if c.r.Buffered() == 0 {
		if err := c.w.Flush(); err != nil {
			return nil, err
		}
	}
	length, err := c.r.Peek(4)
	if err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(length))
	c.r.Discard(4)
	if c.r.Buffered() < n {
		if err := c.w.Flush(); err != nil { // or both ends might wait for each other
			return nil, err
		}
	}
	_, err = io.ReadFull(c.r, c.payload[:n])
	return c.payload[:n], err
}
