package pubsub

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/trefoilgo/trefoil/transport"
)

// TestVectors: the frames of docs/vectors are ours: the side that gets them takes them.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../docs/vectors/frames.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Frames []struct {
			Name, Pattern, Msgpack string
			Kind                   int
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	r := memberRule("chat.>")
	r.History = 10
	w := rules(t, r)
	_, session := w.raw()
	server := newPeer(w.hub, session)
	defer server.Close(errClosed())
	n := 0
	for _, f := range file.Frames {
		if f.Pattern != "pubsub" {
			continue
		}
		n++
		frame, err := hex.DecodeString(f.Msgpack)
		if err != nil || !wellFormed(frame) {
			t.Fatalf("%s: not a frame: %v", f.Name, err)
		}
		c := NewClient(nil)
		l := &link{client: c, calls: map[int64]*call{3: {done: make(chan struct{})}, 4: {done: make(chan struct{})}}}
		c.link = l
		c.addTestWire("chat.*", asked)
		var to transport.Receiver = l
		switch f.Kind {
		case kindSubscribe, kindUnsubscribe, kindPublish, kindMembers:
			to = server
		}
		if err := to.Receive(parse(frame)); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if n < 12 {
		t.Errorf("only %d frames", n)
	}
}
