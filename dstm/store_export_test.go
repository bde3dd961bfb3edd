package dstm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// listOf is what a store lists, in short.
func listOf(t *testing.T, s *dstm.Store, prefix string) string {
	t.Helper()
	var out []string
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		if info.Size == 0 || info.Position == 0 {
			t.Errorf("%+v", info)
		}
		out = append(out, fmt.Sprint(info.Name, "@", info.Version))
	}
	return strings.Join(out, " ")
}

func mustUpdate(t *testing.T, s *dstm.Store, name string, fn func(tx *dstm.Tx) error) {
	t.Helper()
	o := object(t, s, name)
	defer o.Close()
	if _, err := o.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func TestListAndDelete(t *testing.T) {
	for _, every := range []int{1 << 20, 1} {
		s, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{CheckpointEntries: every, Resident: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"b/2", "a/1", "b/1", "c", "b/10", "b"} {
			for range i + 1 {
				mustUpdate(t, s, name, func(tx *dstm.Tx) error { tx.Add(1, nil, nil, "n"); return nil })
			}
		}
		object(t, s, "looked at and never written").Close()
		if got := listOf(t, s, ""); got != "a/1@2 b@6 b/1@3 b/10@5 b/2@1 c@4" {
			t.Error(got)
		}
		if got := listOf(t, s, "b/"); got != "b/1@3 b/10@5 b/2@1" {
			t.Error(got)
		}
		held := object(t, s, "b/1")
		for range 2 {
			if err := s.Delete(t.Context(), "b/1"); err != nil {
				t.Fatal(err)
			}
		}
		if got := listOf(t, s, "b/"); got != "b/10@5 b/2@1" {
			t.Error(got)
		}
		if v := held.Head().Version; v != 4 {
			t.Errorf("deleted twice it is at version %d", v)
		}
		mustUpdate(t, s, "b/1", func(tx *dstm.Tx) error { tx.Set(1, "again"); return nil })
		if got := listOf(t, s, "b/1"); got != "b/1@5 b/10@5" {
			t.Error(got)
		}
		if err := s.Delete(t.Context(), ""); !errors.Is(err, dstm.ErrInvalid) {
			t.Error(err)
		}
		if err := s.Delete(t.Context(), "never written"); err != nil {
			t.Error(err)
		}
		for range s.List(t.Context(), "") {
			break // whoever stops early leaves nothing behind
		}
		s.Close(t.Context())
		for _, err := range s.List(t.Context(), "") {
			if !errors.Is(err, dstm.ErrClosed) {
				t.Error(err)
			}
		}
		if err := s.Delete(t.Context(), "c"); !errors.Is(err, dstm.ErrClosed) {
			t.Error(err)
		}
	}
}

// What is exported and imported elsewhere is the same, with lists and their ids.
func TestExportAndImport(t *testing.T) {
	open := func(rules ...dstm.Rule) *dstm.Store {
		s, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{CheckpointEntries: 2, Resident: 1, Rules: rules})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close(context.Background()) })
		return s
	}
	from, to := open(), open()
	mustUpdate(t, from, "list", func(tx *dstm.Tx) error {
		id := tx.Insert(dstm.Last(), map[string]any{"x": 1}, "items")
		tx.Insert(dstm.First(), "first", "items")
		tx.Insert(dstm.First(), 1, "items", id, "in")
		return nil
	})
	mustUpdate(t, from, "odd", func(tx *dstm.Tx) error {
		tx.Set(map[string]any{"$int": 1, "b": []byte{1}, "big": int64(1) << 60, "f": 1.5, "leaf": []any{1, "2"}}, "m")
		return nil
	})
	mustUpdate(t, from, "large", func(tx *dstm.Tx) error { tx.Set(strings.Repeat("x", 400_000), "a"); return nil })
	mustUpdate(t, from, "large", func(tx *dstm.Tx) error { tx.Set(strings.Repeat("y", 400_000), "b"); return nil })
	mustUpdate(t, from, "emptied", func(tx *dstm.Tx) error { tx.Set(1, "a"); tx.Delete("a"); return nil })
	mustUpdate(t, to, "odd", func(tx *dstm.Tx) error { tx.Set("goes", "before"); return nil })

	var first, second bytes.Buffer
	if err := from.Export(t.Context(), &first, ""); err != nil {
		t.Fatal(err)
	}
	if n, err := to.Import(t.Context(), bytes.NewReader(first.Bytes())); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if err := to.Export(t.Context(), &second, ""); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() || strings.Count(first.String(), "\n") != 3 {
		t.Errorf("%.2000s\n\n%.2000s", first.String(), second.String())
	}
	if got := listOf(t, to, ""); got != "large@1 list@1 odd@2" {
		t.Error(got)
	}
	first.Reset()
	if err := from.Export(t.Context(), &first, "od"); err != nil || strings.Count(first.String(), "\n") != 1 {
		t.Errorf("%s, %v", first.String(), err)
	}

	full := func(before, after *dstm.Tx) error {
		if after.Exists("forbidden") {
			return status.New(status.FailedPrecondition, "test.rule", "nothing is called so")
		}
		return nil
	}
	guarded := open(dstm.Rule{Object: "**", Invariant: full})
	good := `{"name":"good","value":{"a":1}}` + "\n"
	for bad, want := range map[string]error{
		`{"name":"bad","value":{"a":1}`:                         dstm.ErrInvalid,
		`{"name":"bad","value":[]}`:                             dstm.ErrInvalid,
		`{"name":"","value":{}}`:                                dstm.ErrInvalid,
		`{"value":{}}`:                                          dstm.ErrInvalid,
		`{"name":"bad"}`:                                        dstm.ErrInvalid,
		`{"name":"bad","value":{"a":{"$float":"NaN"}}}`:         dstm.ErrInvalid,
		`{"name":"bad","value":{"a":[1]},"shape":[[["a"],[]]]}`: dstm.ErrInvalid,
		`{"name":"bad","value":{"":1}}`:                         dstm.ErrInvalid,
		`{"name":"bad","value":{},"more":1}`:                    dstm.ErrInvalid,
		`7`:                                                     dstm.ErrInvalid,
		``:                                                      dstm.ErrInvalid,
		`{"name":"bad","value":{"forbidden":1}}`:                dstm.ErrInvariant,
		`{"name":"bad","value":{"a":"` + strings.Repeat("x", 17<<20) + `"}}`: dstm.ErrTooLarge,
	} {
		n, err := guarded.Import(t.Context(), strings.NewReader(good+bad+"\n"+good))
		if n != 1 || !errors.Is(err, want) || !strings.Contains(err.Error(), "line 2:") {
			t.Errorf("%.80s: %d, %.200v", bad, n, err)
		}
	}
	if got := listOf(t, guarded, ""); got != "good@13" {
		t.Error(got)
	}
	if n, err := guarded.Import(t.Context(), strings.NewReader(strings.TrimSpace(good))); n != 1 || err != nil {
		t.Errorf("without an end of line: %d, %v", n, err)
	}
	broken := errors.New("broken")
	if _, err := guarded.Import(t.Context(), failingReader{broken}); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := from.Export(t.Context(), failingWriter{broken}, ""); !errors.Is(err, broken) {
		t.Error(err)
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }
