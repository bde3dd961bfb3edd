package txn

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

func raw(v any) codec.Raw {
	b, err := codec.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func sample() *Transaction {
	return &Transaction{
		Sequence: 9, Settled: 3, Again: true, Position: 77, After: []uint64{4, 8}, Metadata: raw(map[string]any{"trace": "1"}),
		Parts: []Part{
			{Object: "board/1", Epoch: "e", Base: 5, Reads: []Read{
				{Kind: ReadValue, Path: tree.Path{"a"}}, {Kind: ReadAbsent, Path: tree.Path{"b"}}, {Kind: ReadKeys, Path: tree.Path{}},
				{Kind: ReadSubtree, Path: tree.Path{"c", "d"}}, {Kind: ReadHash, Path: tree.Path{"e"}, Hash: make([]byte, 16)}, {Kind: ReadHash, Path: tree.Path{"f"}},
				{Kind: ReadKeysHash, Path: tree.Path{"g"}, Hash: bytes.Repeat([]byte{7}, 16)},
				{Kind: ReadGuard, Path: tree.Path{"h"}, Guard: Less, Value: raw(4.5), Truth: true}, {Kind: ReadGuard, Path: tree.Path{"h"}, Guard: Exists},
				{Kind: ReadGuard, Path: tree.Path{"h"}, Guard: Equal.OfLength(), Value: raw(4)},
			}, Writes: []Write{
				{Op: OpSet, Path: tree.Path{"a"}, Value: raw(map[string]any{"x": []any{1, "2"}})}, {Op: OpDelete, Path: tree.Path{"b"}},
				{Op: OpAdd, Path: tree.Path{"n"}, Value: raw(2)}, {Op: OpAdd, Path: tree.Path{"n"}, Value: raw(2.5), Least: raw(0)}, {Op: OpAdd, Path: tree.Path{"n"}, Value: raw(-2), Most: raw(10)},
				{Op: OpMin, Path: tree.Path{"n"}, Value: raw(-7)}, {Op: OpMax, Path: tree.Path{"n"}, Value: raw(0.5)},
				{Op: OpSet, Path: tree.Path{"l"}, Value: raw([]any{1, []any{2}}), Shape: raw([]any{[]any{[]any{}, []any{"p", "q"}}, []any{[]any{"q"}, []any{"r"}}})},
				{Op: OpInsert, Path: tree.Path{"l"}, ID: "s", Place: tree.Place{Where: tree.After, Anchor: "p"}, Value: raw([]any{3}), Shape: raw([]any{[]any{[]any{}, []any{"t"}}})},
				{Op: OpInsert, Path: tree.Path{"l"}, ID: "u", Place: tree.Place{Where: tree.Last}, Value: raw(nil)},
				{Op: OpMove, Path: tree.Path{"l"}, ID: "s", Place: tree.Place{Where: tree.Before, Anchor: "q"}}, {Op: OpMove, Path: tree.Path{"l"}, ID: "q", Place: tree.Place{Where: tree.First}},
			}},
			{Object: "board/2", Epoch: "e", Reads: []Read{{Kind: ReadAbsent, Path: tree.Path{"b"}}}},
		},
		Attempt: 3,
	}
}

func decode(b []byte) (*Transaction, error) {
	r := codec.NewReader(b, BodyElements)
	return Decode(&r)
}

func TestRoundTrip(t *testing.T) {
	want := sample().AppendBody(nil)
	tx, err := decode(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := tx.AppendBody(nil); !bytes.Equal(got, want) {
		t.Errorf("\n%x\n%x", got, want)
	}
	if tx.Digest() != sample().Digest() {
		t.Error("another digest")
	}
}

// The digest is that of the content, and of nothing else.
func TestDigest(t *testing.T) {
	want := sample().Digest()
	for name, c := range map[string]struct {
		change func(*Transaction)
		same   bool
	}{
		"sequence": {func(tx *Transaction) { tx.Sequence++ }, true},
		"settled":  {func(tx *Transaction) { tx.Settled++ }, true},
		"again":    {func(tx *Transaction) { tx.Again = false }, true},
		"position": {func(tx *Transaction) { tx.Position++ }, true},
		"metadata": {func(tx *Transaction) { tx.Metadata = nil }, true},
		"attempt":  {func(tx *Transaction) { tx.Attempt = 1 }, true},
		"truth":    {func(tx *Transaction) { tx.Parts[0].Reads[7].Truth = false }, false},
		"guard":    {func(tx *Transaction) { tx.Parts[0].Reads[7].Guard = Greater }, false},
		"operand":  {func(tx *Transaction) { tx.Parts[0].Reads[7].Value = raw("4") }, false},
		"shape":    {func(tx *Transaction) { tx.Parts[0].Writes[7].Shape = nil }, false},
		"id":       {func(tx *Transaction) { tx.Parts[0].Writes[9].ID = "v" }, false},
		"place":    {func(tx *Transaction) { tx.Parts[0].Writes[9].Place.Where = tree.First }, false},
		"anchor":   {func(tx *Transaction) { tx.Parts[0].Writes[10].Place.Anchor = "p" }, false},
		"after":    {func(tx *Transaction) { tx.After = nil }, false},
		"base":     {func(tx *Transaction) { tx.Parts[0].Base++ }, false},
		"epoch":    {func(tx *Transaction) { tx.Parts[1].Epoch = "f" }, false},
		"read":     {func(tx *Transaction) { tx.Parts[0].Reads[0].Kind = ReadSubtree }, false},
		"hash":     {func(tx *Transaction) { tx.Parts[0].Reads[5].Hash = make([]byte, 16) }, false},
		"write":    {func(tx *Transaction) { tx.Parts[0].Writes[0].Value = raw(1) }, false},
		"bound":    {func(tx *Transaction) { tx.Parts[0].Writes[3].Least = nil }, false},
		"object":   {func(tx *Transaction) { tx.Parts[0].Object = "board/3" }, false},
	} {
		tx := sample()
		c.change(tx)
		if (tx.Digest() == want) != c.same {
			t.Errorf("%s: same digest: %v", name, !c.same)
		}
	}
}

// Other encodings of the same transaction are the same transaction.
func TestCanonical(t *testing.T) {
	tx := sample()
	tx.Parts = tx.Parts[:1]
	tx.Parts[0].Writes = []Write{{Op: OpSet, Path: tree.Path{"a"}, Value: raw(map[string]any{"b": 1, "c": 2})}}
	want := tx.Digest()
	// {"c": 2.0, "b": int16(1)}
	odd := []byte{0x82, 0xa1, 'c', 0xcb, 0x40, 0, 0, 0, 0, 0, 0, 0, 0xa1, 'b', 0xd1, 0, 1}
	tx.Parts[0].Writes[0].Value = odd
	got, err := decode(tx.AppendBody(nil))
	if err != nil || got.Digest() != want {
		t.Error("not the same", err)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Transaction)
		want   error
	}{
		"settled beyond itself": {func(tx *Transaction) { tx.Settled = 9 }, ErrShape},
		"sequence 0":            {func(tx *Transaction) { tx.Sequence, tx.Settled = 0, 0 }, ErrShape},
		"after too many":        {func(tx *Transaction) { tx.After = make([]uint64, 65) }, ErrInvalid},
		"after itself":          {func(tx *Transaction) { tx.After = []uint64{9} }, ErrInvalid},
		"after twice":           {func(tx *Transaction) { tx.After = []uint64{4, 4} }, ErrInvalid},
		"too many parts":        {func(tx *Transaction) { tx.Parts = make([]Part, 17) }, ErrTooLarge},
		"no parts":              {func(tx *Transaction) { tx.Parts = nil }, ErrInvalid},
		"the same object":       {func(tx *Transaction) { tx.Parts[1].Object = "board/1" }, ErrInvalid},
		"too many operations":   {func(tx *Transaction) { tx.Parts[1].Reads = make([]Read, 10_000) }, ErrTooLarge},
		"too many bytes":        {func(tx *Transaction) { tx.Parts[0].Writes[0].Value = raw(strings.Repeat("x", MaxBytes)) }, ErrTooLarge},
		"root deleted":          {func(tx *Transaction) { tx.Parts[0].Writes[1].Path = nil }, ErrInvalid},
		"a value too deep":      {func(tx *Transaction) { tx.Parts[0].Writes[0].Value = append(bytes.Repeat([]byte{0x91}, 48), 1) }, ErrInvalid},
	} {
		tx := sample()
		c.change(tx)
		got, err := decode(tx.AppendBody(nil))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && !errors.Is(err, ErrShape) && (got.Sequence != 9 || got.Settled != 3) {
			t.Errorf("%s: cannot be answered", name)
		}
	}
}

func TestApplyStopsAtTheFirstError(t *testing.T) {
	writes := []Write{{Op: OpSet, Path: tree.Path{"a"}, Value: raw(1)}, {Op: OpSet, Path: tree.Path{"a", "b"}, Value: raw(1)}, {Op: OpDelete, Path: tree.Path{"a"}}}
	if _, at, err := Apply(tree.Node{}, writes, 1); at != 1 || !errors.Is(err, tree.ErrLeaf) {
		t.Error(at, err)
	}
}

func FuzzTransaction(f *testing.F) {
	f.Add(sample().AppendBody(nil))
	small := &Transaction{Sequence: 1, Parts: []Part{{Object: "o", Epoch: "e", Writes: []Write{{Op: OpSet, Path: tree.Path{"hello"}, Value: raw("world")}}}}}
	f.Add(small.AppendBody(nil))
	for _, v := range readVectors(f).Transactions {
		raw := value(f, v.Body)
		outer := codec.NewReader(raw, 1)
		body := outer.Array()
		f.Add(bytes.Clone(body.Rest()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rest := b
		for range BodyElements {
			n, err := codec.Check(rest)
			if err != nil {
				return // the transport does not let it through
			}
			rest = rest[n:]
		}
		tx, err := decode(b)
		if err != nil {
			if !errors.Is(err, ErrShape) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
			if !errors.Is(err, ErrShape) && tx == nil {
				t.Fatal("cannot be answered")
			}
			return
		}
		canonical := tx.AppendBody(nil)
		again, err := decode(canonical)
		if err != nil || !bytes.Equal(again.AppendBody(nil), canonical) || again.Digest() != tx.Digest() {
			t.Fatalf("not the same the second time: %v", err)
		}
		for i := range tx.Parts {
			root, _, err := Apply(tree.Node{}, tx.Parts[i].Writes, 1)
			if err != nil {
				continue
			}
			value, shape := root.Value(), root.Shape()
			if !codec.IsCanonical(value) || shape != nil && !codec.IsCanonical(shape) {
				t.Fatal("the value is not canonical")
			}
			if same, err := tree.New(value, shape, 1, 0); err != nil || !bytes.Equal(same.Shape(), shape) || root.Size() != len(value) {
				t.Fatalf("value and shape do not make the same again: %v", err)
			}
			if reads, inverse, ok := Invert(&tree.Node{}, tx.Parts[i].Writes); ok {
				if _, _, err := Apply(root, inverse, 2); err != nil {
					t.Fatalf("what undoes it does not fit: %v", err)
				}
				for j := range reads {
					if !Holds(&root, 1, &reads[j], Judge{}) {
						t.Fatal("what undoes it reads what is not so")
					}
				}
			}
			for j := range tx.Parts[i].Reads {
				Holds(&root, 0, &tx.Parts[i].Reads[j], Judge{})
			}
		}
	})
}

func FuzzPath(f *testing.F) {
	f.Add(AppendPath(nil, tree.Path{"a", "b/c", "~"}))
	f.Add(AppendPath(nil, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := codec.Check(b); err != nil || n != len(b) {
			return
		}
		r := codec.NewReader(b, 1)
		p, err := ReadPath(&r)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		if !p.Valid() {
			t.Fatalf("%q was read, but is not valid", p)
		}
		r = codec.NewReader(AppendPath(nil, p), 1)
		if again, err := ReadPath(&r); err != nil || !again.Starts(p) || !p.Starts(again) {
			t.Fatalf("%q and %q", p, again)
		}
	})
}

// The limits of metadata are those of the strings themselves, whatever their headers take.
func TestMetadataLimits(t *testing.T) {
	for _, c := range []struct {
		entries, key, value int
		ok                  bool
	}{
		{32, 200, 4096, true}, {33, 2, 1, false}, {1, 255, 1, true}, {1, 256, 1, false}, {1, 1, 4097, false},
	} {
		b := codec.AppendMap(nil, c.entries)
		for i := range c.entries {
			b = codec.AppendString(b, fmt.Sprintf("%0*d", c.key, i))
			b = codec.AppendString(b, strings.Repeat("v", c.value))
		}
		r := codec.NewReader(b, 1)
		if _, err := ReadMetadata(&r); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
