package txn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// These are the lists of docs/vectors/dstm.json; README.md there has the format.
type vectors struct {
	Apply []struct {
		Name                                             string
		Value, Shape, Writes, Result, ResultShape, Error json.RawMessage
	}
	Guards []struct {
		Name                  string
		Value, Shape, Operand json.RawMessage
		Op                    Comparison
		Result                bool
	}
	Hashes []struct {
		Name         string
		Value, Shape json.RawMessage
		Hash         string
		KeysHash     *string
	}
	Reads []struct {
		Name          string
		Strict, Holds bool
		Commits       []json.RawMessage
		Base          uint64
		Read          json.RawMessage
	}
	Transactions []struct {
		Name   string
		Body   json.RawMessage
		Reason string
	}
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/vectors/dstm.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if len(v.Apply) < 100 || len(v.Guards) < 200 || len(v.Hashes) < 10 || len(v.Reads) < 90 || len(v.Transactions) < 100 {
		t.Fatal("vectors are missing")
	}
	return v
}

// value is Trefoil JSON in canonical form, nil if it was left out.
func value(t testing.TB, text json.RawMessage) codec.Raw {
	t.Helper()
	if text == nil {
		return nil
	}
	b, err := codec.FromJSON(nil, text)
	if err == nil {
		b, err = codec.Canonical(nil, b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// writesOf reads writes as ReadWrites does, but leaves what the tree is to refuse to the tree.
func writesOf(t *testing.T, text json.RawMessage) []Write {
	t.Helper()
	raw := value(t, text)
	outer := codec.NewReader(raw, 1)
	a := outer.Array()
	var out []Write
	for a.Len() > 0 {
		loose := a
		w, err := readWrite(&a)
		if err != nil {
			w = looseWrite(loose.Array())
		}
		out = append(out, w)
	}
	return out
}

func looseWrite(a codec.Reader) (w Write) {
	w.Op = Op(a.Int())
	keys := a.Array()
	for keys.Len() > 0 {
		w.Path = append(w.Path, keys.String())
	}
	if w.Op == OpInsert || w.Op == OpMove {
		w.ID, w.Place.Where = a.String(), int(a.Int())
		if !a.Nil() {
			w.Place.Anchor = a.String()
		}
	}
	if a.Len() > 0 {
		w.Value = a.Raw()
	}
	if a.Len() > 0 {
		w.Shape = a.Raw()
	}
	return w
}

// vectorErrors are the errors that the vectors name.
var vectorErrors = map[string]error{
	"leaf": tree.ErrLeaf, "root": tree.ErrRoot, "depth": tree.ErrDepth, "key": tree.ErrKey, "shape": tree.ErrShape,
	"number": tree.ErrNotNumber, "bounds": tree.ErrBounds, "range": tree.ErrRange,
	"missing": tree.ErrNoElement, "exists": tree.ErrElement, "self": tree.ErrSelf, "not_list": tree.ErrNotList,
}

func TestApplyVectors(t *testing.T) {
	for _, v := range readVectors(t).Apply {
		t.Run(v.Name, func(t *testing.T) {
			before, err := tree.New(value(t, v.Value), value(t, v.Shape), 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			after, _, err := Apply(before, writesOf(t, v.Writes), 2)
			if v.Error != nil {
				var name string
				if json.Unmarshal(v.Error, &name); vectorErrors[name] == nil || !errors.Is(err, vectorErrors[name]) {
					t.Fatalf("error %v, want %s", err, v.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := value(t, v.Result); !bytes.Equal(after.Value(), want) {
				t.Errorf("value %s, want %s", text(after.Value()), v.Result)
			}
			if want := value(t, v.ResultShape); !bytes.Equal(after.Shape(), want) {
				t.Errorf("shape %s, want %s", text(after.Shape()), v.ResultShape)
			}
			if after.Size() != len(after.Value()) {
				t.Errorf("size %d, the value has %d bytes", after.Size(), len(after.Value()))
			}
		})
	}
}

func text(raw codec.Raw) string {
	if raw == nil {
		return "none"
	}
	b, _ := codec.ToJSON(nil, raw)
	return string(b)
}

func TestGuardVectors(t *testing.T) {
	for _, v := range readVectors(t).Guards {
		var n *tree.Node
		if v.Value != nil {
			made, err := tree.New(value(t, v.Value), value(t, v.Shape), 1, 0)
			if err != nil {
				t.Fatalf("%s: %v", v.Name, err)
			}
			n = &made
		}
		if got := CompareGuard(n, v.Op, value(t, v.Operand)); got != v.Result {
			t.Errorf("%s: %v", v.Name, got)
		}
	}
}

func TestHashVectors(t *testing.T) {
	for _, v := range readVectors(t).Hashes {
		n, err := tree.New(value(t, v.Value), value(t, v.Shape), 1, 0)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		hash, _ := n.Hash()
		if got := fmt.Sprintf("%x", hash); got != v.Hash {
			t.Errorf("%s: hash %s", v.Name, got)
		}
		want := ""
		if v.KeysHash != nil {
			want = *v.KeysHash
		}
		keys, _ := n.KeysHash()
		if got := fmt.Sprintf("%x", keys); got != want {
			t.Errorf("%s: keys hash %s", v.Name, got)
		}
	}
}

func TestReadVectors(t *testing.T) {
	for _, v := range readVectors(t).Reads {
		t.Run(v.Name, func(t *testing.T) {
			var root tree.Node
			for i, commit := range v.Commits {
				var err error
				if root, _, err = Apply(root, writesOf(t, commit), uint64(i+1)); err != nil {
					t.Fatal(err)
				}
			}
			r := codec.NewReader(value(t, v.Read), 1)
			read, err := readRead(&r)
			if err != nil {
				t.Fatal(err)
			}
			if got := Holds(&root, v.Base, &read, Judge{Strict: v.Strict}); got != v.Holds {
				t.Errorf("holds: %v", got)
			}
		})
	}
}

func TestTransactionVectors(t *testing.T) {
	for _, v := range readVectors(t).Transactions {
		t.Run(v.Name, func(t *testing.T) {
			outer := codec.NewReader(value(t, v.Body), 1)
			body := outer.Array()
			tx, err := Decode(&body)
			got := ""
			switch {
			case errors.Is(err, ErrShape):
				got = "malformed"
			case errors.Is(err, ErrTooLarge):
				got = "dstm.too_large"
			case errors.Is(err, ErrInvalid):
				got = "dstm.invalid"
			case err != nil:
				t.Fatal(err)
			}
			if got != v.Reason {
				t.Fatalf("%q: %v", got, err)
			}
			if err == nil {
				encoded := tx.AppendBody(nil)
				r := codec.NewReader(encoded, BodyElements)
				if again, err := Decode(&r); err != nil || !bytes.Equal(again.AppendBody(nil), encoded) {
					t.Fatalf("decoded and encoded it is another: %v", err)
				}
			}
		})
	}
}
