package engine

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// sample is a world with some of everything in it.
func sample(t testing.TB) *world {
	w := newWorld(t, Options{})
	w.decide(1, w.tx(1, set(map[string]any{"a": 1, "m": map[string]any{"x": "y", "list": []any{1, "2", nil}}, "e": map[string]any{}})))
	tx := w.tx(2, set(2.5, "a"), del("m", "x"), txn.Write{Op: txn.OpAdd, Path: path("n"), Value: raw(1), Least: raw(0)})
	tx.Metadata = raw(map[string]any{"trace": "t"})
	w.decide(1, tx)
	w.decide(1, w.tx(3, set(7, "m", "list")))
	stale := w.tx(1, set(1, "z"))
	stale.Again, stale.Parts[0].Reads = true, []txn.Read{{Kind: txn.ReadAbsent, Path: path("a")}}
	w.decide(2, stale)
	w.decide(3, &txn.Transaction{Sequence: 1, Position: 1, Parts: []txn.Part{
		{Object: "p", Epoch: w.state.Epoch, Writes: []txn.Write{set(1, "x")}},
		{Object: "q", Epoch: w.state.Epoch, Writes: []txn.Write{set(1, "x")}},
	}})
	w.begin("epoch-2")
	return w
}

// A refusal without details is none, and was written by no release.
func TestRefusalsHaveDetails(t *testing.T) {
	w := sample(t)
	found := false
	for _, data := range w.log {
		e, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != Refuse {
			continue
		}
		found = true
		five := appendRefusal(nil, &e.Refusal)
		at := bytes.Index(data, five)
		four := append([]byte{five[0] - 1}, bytes.Replace(five[1:], []byte{0xc3, 0xc0}, []byte{0xc3}, 1)...)
		if four = bytes.Replace(four, []byte{0xc2, 0xc0}, []byte{0xc2}, 1); at < 0 || len(four) != len(five)-1 {
			t.Fatalf("%x", five)
		}
		if _, err := Decode(append(bytes.Clone(data[:at]), four...)); !errors.Is(err, ErrDamaged) {
			t.Errorf("without details: %v", err)
		}
	}
	if !found {
		t.Error("no refusal")
	}
}

// A tree as deep as can be comes back from its piece and from the log.
func TestDeepest(t *testing.T) {
	w := newWorld(t, Options{})
	keys := make([]string, 32)
	for i := range keys {
		keys[i] = "k"
	}
	var leaf any = 1
	for range 16 {
		leaf = []any{leaf}
	}
	expect(t, w.decide(1, w.tx(1, set(leaf, keys...))), "committed 1")
	w.replayAll()
	restored := w.restart(&w.state)
	if !bytes.Equal(image(t, &restored), image(t, &w.state)) {
		t.Fatal("another state")
	}
}

func TestReplayRefuses(t *testing.T) {
	w := sample(t)
	last := w.log[len(w.log)-2]
	before := New(Options{})
	for _, data := range w.log[:len(w.log)-2] {
		before, _, _ = Replay(before, data)
	}
	for i := range last {
		bad := bytes.Clone(last)
		bad[i] ^= 0x15
		after, e, err := Replay(before, bad)
		// A changed entry may be another entry; only the chain tells, at the next one.
		if err == nil {
			if _, _, err = Replay(after, w.log[len(w.log)-1]); !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d damaged: %+v", i, e)
			}
		} else if !errors.Is(err, ErrDamaged) && !(i == 0 && errors.Is(err, ErrFormat)) {
			t.Fatalf("byte %d damaged: %v", i, err)
		}
	}
	for name, c := range map[string]struct {
		state State
		data  []byte
		want  error
	}{
		"empty":        {before, nil, ErrDamaged},
		"no format":    {before, append([]byte{0}, last[1:]...), ErrDamaged},
		"newer format": {before, append([]byte{EntryFormat + 1}, last[1:]...), ErrFormat},
		"cut":          {before, last[:len(last)-1], ErrDamaged},
		"doubled":      {w.state, last, ErrDamaged},
		"left out":     {New(Options{}), last, ErrDamaged},
		"no epoch":     {New(Options{}), w.log[1], ErrDamaged},
	} {
		if _, _, err := Replay(c.state, c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Replay(before, append([]byte{EntryFormat + 1}, last[1:]...)); status.CodeOf(err) != status.FailedPrecondition {
		t.Errorf("a newer format: %v", err)
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	for _, message := range []string{string(bytes.Repeat([]byte("x"), 300)), string(bytes.Repeat([]byte("é"), 300))} {
		r := Refusal{Message: message}
		kept := r.remembered().Message
		if len(kept) > 255 || len(kept) < 250 || kept != message[:len(kept)] || fmt.Sprintf("%+q", kept)[len(fmt.Sprintf("%+q", kept))-3] == 'd' {
			t.Errorf("%d bytes: %+q", len(kept), kept)
		}
	}
}

func FuzzEntry(f *testing.F) {
	w := sample(f)
	for _, data := range w.log {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Decode(data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		hash := e.Hash
		if again := e.encode(); !bytes.Equal(again, data) || e.Hash != hash {
			t.Fatalf("decoded and encoded:\n%x\n%x", data, again)
		}
		before := New(Options{})
		for _, known := range w.log {
			_, _, _ = Replay(before, data)
			before, _, _ = Replay(before, known)
		}
	})
}
