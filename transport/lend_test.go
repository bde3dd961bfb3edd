package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"testing"
)

// A connection that waits holds no buffer; what arrives comes whole and in order, however it is cut and however much of it is
// read at a time, and the end is told.
func TestLentBuffers(t *testing.T) {
	if !canTry {
		t.Skip("not on this system")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	far, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	waits, arrivals := 0, 0
	c := newTap(near)
	c.ownReader()
	// A round is written when the reader is about to wait: so it does wait, and before each is seen to hold nothing.
	const rounds = 50
	var sent, got []byte
	c.before = func() {
		if c.buffer.Size() > 0 && c.buffer.Buffered() == 0 && c.lending.from == nil {
			t.Error("a buffer that belongs to nobody")
		}
		if c.lending.from != nil { // in the middle of a message
			return
		}
		if len(got) < len(sent) {
			return // not all of it has arrived
		}
		if waits++; waits > rounds {
			far.Close()
			return
		}
		piece := make([]byte, 1+r.IntN(3*lentBuffer))
		for i := range piece {
			piece[i] = byte(r.Uint32())
		}
		sent = append(sent, piece...)
		go far.Write(piece)
	}
	c.after = func() { arrivals++ }
	for {
		if err = c.wait(); err != nil {
			break
		}
		n := 1 + r.IntN(c.buffer.Buffered())
		p := make([]byte, n)
		if _, err := io.ReadFull(c.buffer, p); err != nil {
			t.Fatal(err)
		}
		got = append(got, p...)
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
	if !bytes.Equal(sent, got) || arrivals < rounds {
		t.Errorf("%d bytes sent, %d arrived in %d reads", len(sent), len(got), arrivals)
	}
	if c.lending.from != nil {
		t.Error("it holds a buffer at the end")
	}
}

// What waiting without a buffer costs for each message: nothing is allocated.
func BenchmarkLentBuffers(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	far, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer far.Close()
	near, err := listener.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer near.Close()
	for _, lent := range []bool{true, false} {
		c := newTap(near)
		if !lent {
			c.raw = nil
		}
		c.ownReader()
		b.Run(map[bool]string{true: "lent", false: "own"}[lent], func(b *testing.B) {
			b.ReportAllocs()
			msg := make([]byte, 64)
			for b.Loop() {
				if _, err := far.Write(msg); err != nil {
					b.Fatal(err)
				}
				if err := c.wait(); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c.buffer, msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
