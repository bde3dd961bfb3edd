package load

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/trefoilgo/trefoil/bench/server"
)

// batchWS is a client of the batching reference: all requests that came together leave as one message.
type batchWS struct {
	ws      *websocket.Conn
	in, out bytes.Buffer
	d       *msgpack.Decoder
	e       *msgpack.Encoder
	sent    uint64
	got     uint64
	payload []byte
}

// DialBatch connects to the batching reference.
func DialBatch(ctx context.Context, address string, connections int) (Echo, error) {
	pool := &sync.Pool{}
	return dialPipeline(connections, func() (ordered, error) {
		d := websocket.Dialer{ReadBufferSize: server.BatchBuffer, WriteBufferSize: server.BatchBuffer, WriteBufferPool: pool}
		ws, _, err := d.DialContext(ctx, "ws://"+address+"/", nil)
		if err != nil {
			return nil, err
		}
		c := &batchWS{ws: ws, payload: make([]byte, server.BatchBuffer)}
		c.d, c.e = msgpack.NewDecoder(&c.in), msgpack.NewEncoder(&c.out)
		return c, nil
	})
}

func (c *batchWS) close() { c.ws.Close() }

func (c *batchWS) send(payload []byte) error {
	c.sent++
	c.e.EncodeArrayLen(3)
	c.e.EncodeUint64(c.sent)
	c.e.EncodeString("echo")
	return c.e.EncodeBytes(payload)
}

func (c *batchWS) receive() ([]byte, error) {
	if c.in.Len() == 0 {
		if c.out.Len() > 0 {
			if err := c.ws.WriteMessage(websocket.BinaryMessage, c.out.Bytes()); err != nil {
				return nil, err
			}
			c.out.Reset()
		}
		_, message, err := c.ws.NextReader()
		if err != nil {
			return nil, err
		}
		c.in.Reset()
		if _, err := c.in.ReadFrom(message); err != nil {
			return nil, err
		}
		c.d.Reset(&c.in)
	}
	if _, err := c.d.DecodeArrayLen(); err != nil {
		return nil, err
	}
	id, err := c.d.DecodeUint64()
	if err != nil {
		return nil, err
	}
	if c.got++; id != c.got {
		return nil, fmt.Errorf("answer %d came as number %d", id, c.got)
	}
	n, err := c.d.DecodeBytesLen()
	if err != nil {
		return nil, err
	}
	return c.payload[:n], c.d.ReadFull(c.payload[:n])
}
