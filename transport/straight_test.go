package transport

import (
	"bytes"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

func TestEcho(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		p, ch := collector("echo", 16)
		c := w.client(nil, p)
		s := c.Session()
		n, ok := s.Number("echo")
		if !ok || n != NumberFirstFree {
			t.Fatalf("Number = %d, %v", n, ok)
		}
		for _, body := range [][]byte{text("hello"), integer(7), codec.AppendBytes(nil, make([]byte, 16)), text(string(bytes.Repeat([]byte("x"), 100_000)))} {
			if err := s.TrySend(frameOf(n, 1, text("a"), body)); err != nil {
				t.Fatal(err)
			}
			g := within(t, ch)
			if g.kind != 2 || g.stream != string(text("a")) || g.body != string(body) {
				t.Fatalf("got kind %d stream %x, %d bytes in place of %d", g.kind, g.stream, len(g.body), len(body))
			}
		}
	}, echo)
}
