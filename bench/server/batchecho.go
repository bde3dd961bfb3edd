package server

import (
	"bytes"
	"io"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/trefoilgo/trefoil/bench/child"
)

// BatchBuffer is how large the buffers of the batching reference are.
const BatchBuffer = 64 << 10

// batchEcho is gorilla/websocket as it is fast: many requests in a message, each in a msgpack envelope [id, method, payload], all their
// answers [id, payload] in one message; large write buffers from a pool, messages read into a buffer that is used again.
func batchEcho() ([]string, map[string]child.Command, error) {
	upgrader := websocket.Upgrader{ReadBufferSize: BatchBuffer, WriteBufferSize: BatchBuffer, WriteBufferPool: &sync.Pool{}}
	return serveHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		in, out := new(bytes.Buffer), new(bytes.Buffer)
		for {
			_, message, err := ws.NextReader()
			if err != nil {
				return
			}
			in.Reset()
			if _, err := in.ReadFrom(message); err != nil {
				return
			}
			out.Reset()
			if answerBatch(in, out) != nil {
				return
			}
			if err := ws.WriteMessage(websocket.BinaryMessage, out.Bytes()); err != nil {
				return
			}
		}
	}))
}

// answerBatch answers all requests in in.
func answerBatch(in, out *bytes.Buffer) error {
	d, e := msgpack.GetDecoder(), msgpack.GetEncoder()
	defer msgpack.PutDecoder(d)
	defer msgpack.PutEncoder(e)
	d.Reset(in)
	e.Reset(out)
	var payload [BatchBuffer]byte
	for {
		if _, err := d.DecodeArrayLen(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		id, err := d.DecodeUint64()
		if err != nil {
			return err
		}
		if _, err := d.DecodeString(); err != nil {
			return err
		}
		n, err := d.DecodeBytesLen()
		if err != nil {
			return err
		}
		if err := d.ReadFull(payload[:n]); err != nil {
			return err
		}
		e.EncodeArrayLen(2)
		e.EncodeUint64(id)
		e.EncodeBytes(payload[:n])
	}
}
