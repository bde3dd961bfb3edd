package transport

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
)

// vectors are docs/vectors/frames.json.
type vectors struct {
	Frames []struct {
		Name, Pattern string
		Kind          int
		Msgpack       hexBytes
		JSON          string
	}
	Malformed []struct {
		Name, Codec, Input string
		InputHex           hexBytes
		Close              CloseCode
	}
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func readVectors(tb testing.TB) (v vectors) {
	b, err := os.ReadFile("../docs/vectors/frames.json")
	if err != nil {
		tb.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		tb.Fatal(err)
	}
	return v
}

// Good frames transcode into each other, and their headers read as they say.
func TestVectorsOfFrames(t *testing.T) {
	numbers := map[string]int{"control": 0, "rpc": 1, "pubsub": 2, "dstm": 3, "cursors": 16}
	seen := map[string]bool{}
	for _, v := range readVectors(t).Frames {
		if seen[v.Name] {
			t.Errorf("%s twice", v.Name)
		}
		seen[v.Name] = true
		if n, err := codec.Check(v.Msgpack); err != nil || n != len(v.Msgpack) {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if text, err := codec.ToJSON(nil, codec.Raw(v.Msgpack)); err != nil || string(text) != v.JSON {
			t.Errorf("%s: to JSON: %s, %v", v.Name, text, err)
		}
		if raw, err := codec.FromJSON(nil, []byte(v.JSON)); err != nil || !bytes.Equal(raw, v.Msgpack) {
			t.Errorf("%s: from JSON: %x, %v", v.Name, raw, err)
		}
		h, ok := readHeader(v.Msgpack)
		if !ok || h.pattern != numbers[v.Pattern] || h.kind != v.Kind {
			t.Errorf("%s: pattern %d, kind %d, %v", v.Name, h.pattern, h.kind, ok)
		}
	}
	for _, name := range []string{"hello", "hello with credentials"} {
		for _, v := range readVectors(t).Frames {
			if v.Name == name {
				h, _ := readHeader(v.Msgpack)
				if _, err := readHello(h.body); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	for _, v := range readVectors(t).Frames {
		if v.Name == "welcome" {
			h, _ := readHeader(v.Msgpack)
			if _, err := readWelcome(h.body); err != nil {
				t.Errorf("welcome: %v", err)
			}
		}
	}
}

// Each bad message, sent by a client after welcome, ends its session with the code.
func TestVectorsOfMalformedFrames(t *testing.T) {
	for _, ws := range []bool{false, true} {
		for _, json := range []bool{false, true} {
			w := newWorld(t, ws, json, nil, echo())
			for _, v := range readVectors(t).Malformed {
				if v.Codec == "json" != json {
					continue
				}
				input := []byte(v.Input)
				if !json {
					input, _ = hex.DecodeString(v.Input)
				} else if v.InputHex != nil {
					input = v.InputHex
				}
				p := w.rawOpen("echo")
				p.sendBytes(input)
				if c := p.closed(); c.Code != v.Close {
					t.Errorf("%s (%s): closed with %d %q, want %d", v.Name, v.Codec, int(c.Code), c.Reason, int(v.Close))
				}
			}
		}
	}
}
