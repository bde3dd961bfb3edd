package load

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/gorilla/websocket"
)

// engineIO is a connection that speaks Engine.IO 4 over WebSocket: a packet is a text message, its first character its type. Answers come
// in the order of the requests.
type engineIO struct{ ws *websocket.Conn }

func dialEngineIO(ctx context.Context, address, path string) (engineIO, error) {
	ws, _, err := (&websocket.Dialer{}).DialContext(ctx, "ws://"+address+path+"?EIO=4&transport=websocket", nil)
	if err != nil {
		return engineIO{}, err
	}
	c := engineIO{ws}
	if _, err := c.expect('0'); err != nil { // open
		ws.Close()
		return engineIO{}, err
	}
	return c, nil
}

// expect returns what stands in the next packet, which must be of the given type; pings are answered.
func (c engineIO) expect(kind byte) ([]byte, error) {
	for {
		_, packet, err := c.ws.ReadMessage()
		if err != nil {
			return nil, err
		}
		switch {
		case len(packet) > 0 && packet[0] == kind:
			return packet[1:], nil
		case len(packet) == 1 && packet[0] == '2':
			if err := c.ws.WriteMessage(websocket.TextMessage, []byte("3")); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("packet %.60q where one of type %c was due", packet, kind)
		}
	}
}

func (c engineIO) close() { c.ws.Close() }

func (c engineIO) send(payload []byte) error {
	return c.ws.WriteMessage(websocket.TextMessage, append([]byte{'4'}, payload...))
}

func (c engineIO) receive() ([]byte, error) { return c.expect('4') }

// DialEngineIO connects to the Engine.IO server.
func DialEngineIO(ctx context.Context, address string, connections int) (Echo, error) {
	return dialPipeline(connections, func() (ordered, error) {
		c, err := dialEngineIO(ctx, address, "/engine.io/")
		if err != nil {
			return nil, err
		}
		return c, nil
	})
}

// socketIO is a connection that speaks Socket.IO 5 in it, on the namespace "/".
type socketIO struct {
	engineIO
	sent, got int
	buffer    []byte
}

func dialSocketIO(ctx context.Context, address string) (*socketIO, error) {
	e, err := dialEngineIO(ctx, address, "/socket.io/")
	if err != nil {
		return nil, err
	}
	c := &socketIO{engineIO: e}
	err = e.send([]byte("0")) // connect
	if err == nil {
		_, err = c.packet('0')
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return c, nil
}

// packet returns what stands in the next Socket.IO packet, which must be of the given type.
func (c *socketIO) packet(kind byte) ([]byte, error) {
	p, err := c.expect('4')
	if err != nil {
		return nil, err
	}
	if len(p) == 0 || p[0] != kind {
		return nil, fmt.Errorf("Socket.IO packet %.60q where one of type %c was due", p, kind)
	}
	return p[1:], nil
}

// emit sends an event with one argument, which needs no escapes; wants an acknowledgement if id is not negative.
func (c *socketIO) emit(id int, event string, argument []byte) error {
	b := append(c.buffer[:0], '4', '2')
	if id >= 0 {
		b = strconv.AppendInt(b, int64(id), 10)
	}
	b = append(append(append(b, `["`...), event...), `","`...)
	c.buffer = append(append(b, argument...), `"]`...)
	return c.ws.WriteMessage(websocket.TextMessage, c.buffer)
}

func (c *socketIO) send(payload []byte) error {
	c.sent++
	return c.emit(c.sent, "echo", payload)
}

// receive returns what came with the next acknowledgement: ID["..."].
func (c *socketIO) receive() ([]byte, error) {
	p, err := c.packet('3')
	if err != nil {
		return nil, err
	}
	c.got++
	return quoted(p, strconv.Itoa(c.got)+`["`)
}

// quoted is the string between begin and "].
func quoted(p []byte, begin string) ([]byte, error) {
	inner, ok := bytes.CutPrefix(p, []byte(begin))
	inner, closed := bytes.CutSuffix(inner, []byte(`"]`))
	if !ok || !closed {
		return nil, fmt.Errorf("Socket.IO packet %.60q", p)
	}
	return inner, nil
}

// DialSocketIO connects to the Socket.IO server.
func DialSocketIO(ctx context.Context, address string, connections int) (Echo, error) {
	return dialPipeline(connections, func() (ordered, error) {
		c, err := dialSocketIO(ctx, address)
		if err != nil {
			return nil, err
		}
		return c, nil
	})
}
