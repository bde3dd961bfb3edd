package load

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/gorilla/websocket"
)

// gorillaBus are the references for fan-out, which know one topic.
type gorillaBus struct {
	connections
	address   string
	many      bool // payloads in a message, each behind its length
	mu        sync.Mutex
	publisher *websocket.Conn
}

// DialPrepared connects to the reference with prepared messages.
func DialPrepared(ctx context.Context, address string) (Bus, error) {
	return dialGorilla(ctx, address, false)
}

// DialFramed connects to the reference that frames once.
func DialFramed(ctx context.Context, address string) (Bus, error) {
	return dialGorilla(ctx, address, true)
}

func dialGorilla(ctx context.Context, address string, many bool) (Bus, error) {
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+address+"/publish", nil)
	if err != nil {
		return nil, err
	}
	b := &gorillaBus{address: address, many: many, publisher: ws}
	b.add(func() { ws.Close() })
	return b, nil
}

func (b *gorillaBus) Publish(_ context.Context, _ int, message []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.publisher.WriteMessage(websocket.BinaryMessage, message)
}

func (b *gorillaBus) Subscribe(ctx context.Context, topics []int, deliver Deliver) error {
	if len(topics) != 1 || topics[0] != 0 {
		return errors.New("the reference has one topic")
	}
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+b.address+"/subscribe", nil)
	if err != nil {
		return err
	}
	if _, _, err := ws.ReadMessage(); err != nil { // it is subscribed
		ws.Close()
		return err
	}
	running, stop := context.WithCancel(context.Background())
	b.add(func() {
		stop()
		ws.Close()
	})
	go func() {
		for {
			_, message, err := ws.ReadMessage()
			if running.Err() != nil {
				return
			}
			if err != nil {
				deliver(0, nil, err)
				return
			}
			if !b.many {
				deliver(0, message, nil)
				continue
			}
			for len(message) >= 4 {
				n := min(int(binary.BigEndian.Uint32(message)), len(message)-4)
				deliver(0, message[4:4+n], nil)
				message = message[4+n:]
			}
		}
	}()
	return nil
}
