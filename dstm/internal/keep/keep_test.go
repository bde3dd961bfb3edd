package keep

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/replica"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

func aWork() *Work {
	w := &Work{
		ID: "00000000000000a1", Name: "boards.rename", Arguments: codec.Raw("\x81\xa9__proto__\x01"), Objects: []string{"board/1", "board/2"},
		Made: time.UnixMicro(1_700_000_000_000_001), Attempts: 3, Err: status.New(status.Aborted, "dstm.conflict", "again"),
		Log: "main", Sent: true, Hidden: true,
		Transaction: txn.Transaction{
			Sequence: 77, Position: 5, After: []uint64{70, 71}, Attempt: 4, Metadata: codec.Raw("\x81\xa1k\xa1v"),
			Parts: []txn.Part{{
				Object: "board/1", Epoch: "E", Base: 4,
				Reads:  []txn.Read{{Kind: txn.ReadValue, Path: tree.Path{"title"}}},
				Writes: []txn.Write{{Op: txn.OpSet, Path: tree.Path{"title"}, Value: codec.Raw("\xa1x")}},
			}},
		},
		Changes: []Difference{{Object: "board/1", Path: tree.Path{"constructor"}, Base: codec.Raw{0xc0}, Mine: codec.Raw("\xa1x"), Elided: true}},
	}
	return w
}

func anItem() *Item {
	return &Item{Work: *aWork(), Refused: time.UnixMicro(9), Differences: []Difference{{Object: "o", Path: tree.Path{"k"}, Theirs: codec.Raw{1}}}}
}

func aReplica(t testing.TB) *replica.Saved {
	root, err := tree.New(codec.Raw("\x82\xa1a\x01\xa1l\x92\x01\x02"), codec.Raw("\x91\x92\x91\xa1l\x92\xa1x\xa1y"), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &replica.Saved{
		Log: "main", Epoch: "E", Version: 4, Position: 9, Hash: [8]byte{1, 2},
		Terms: replica.Terms{Strict: true, Readable: []tree.Path{{"a"}, {"l"}}, Limits: replica.Limits{Object: 5, Transaction: 6, Operations: 7}},
		Root:  &root,
	}
}

func aTail() []replica.Step {
	return []replica.Step{
		{Version: 5, Position: 11, Hash: [8]byte{3}, Writes: []txn.Write{{Op: txn.OpSet, Path: tree.Path{"a"}, Value: codec.Raw{2}}}},
		{Version: 6, Position: 12, Hash: [8]byte{4}},
	}
}

// same compares two values through their records.
func TestRoundTrips(t *testing.T) {
	w, err := ReadWork(aWork().ID, AppendWork(aWork()))
	if err != nil || !reflect.DeepEqual(w.Parts, aWork().Parts) || !bytes.Equal(AppendWork(w), AppendWork(aWork())) {
		t.Errorf("work %+v, %v", w, err)
	}
	unrun := aWork()
	unrun.Transaction, unrun.Log = txn.Transaction{Metadata: unrun.Metadata}, ""
	if w, err = ReadWork(unrun.ID, AppendWork(unrun)); err != nil || w.Sequence != 0 || w.Metadata == nil {
		t.Errorf("work without a run %+v, %v", w, err)
	}
	i, err := ReadItem(anItem().ID, AppendItem(anItem()))
	if err != nil || !bytes.Equal(AppendItem(i), AppendItem(anItem())) || i.Err.Reason != "dstm.conflict" {
		t.Errorf("item %+v, %v", i, err)
	}
	n, err := Ceiling(AppendCeiling(1 << 51))
	if err != nil || n != 1<<51 {
		t.Error(n, err)
	}
	list, err := Cache(AppendCache([]Cached{{"a", true}, {"b", false}}))
	if err != nil || !reflect.DeepEqual(list, []Cached{{"a", true}, {"b", false}}) {
		t.Error(list, err)
	}
	s, err := ReadReplica("o", AppendReplica("o", aReplica(t)))
	if err != nil || !bytes.Equal(AppendReplica("o", s), AppendReplica("o", aReplica(t))) {
		t.Fatalf("replica %+v, %v", s, err)
	}
	key := TailKey("o/__proto__", 3)
	if name, k, ok := TailOf(key); name != "o/__proto__" || k != 3 || !ok {
		t.Error(name, k, ok)
	}
	if err := Extend(s, key, AppendTail(key, aTail())); err != nil || s.Version != 6 || s.Position != 12 || s.Hash[0] != 4 || s.Root.Find(tree.Path{"a"}).Leaf[0] != 2 {
		t.Errorf("extended %+v, %v", s, err)
	}
	if err := Extend(s, key, AppendTail(key, aTail())); !errors.Is(err, ErrDamaged) {
		t.Error("a tail that does not fit is applied:", err)
	}
}

// TestDamage: no byte of a record can change, nor be cut, nor a record stand under another key, without being told; a newer one is told as that.
func TestDamage(t *testing.T) {
	tail := TailKey("o", 0)
	for name, c := range map[string]struct {
		record []byte
		read   func(b []byte, other bool) error
	}{
		"work": {AppendWork(aWork()), func(b []byte, other bool) error {
			id := aWork().ID
			if other {
				id = "other"
			}
			_, err := ReadWork(id, b)
			return err
		}},
		"item": {AppendItem(anItem()), func(b []byte, other bool) error {
			_, err := ReadItem(map[bool]string{true: "x", false: anItem().ID}[other], b)
			return err
		}},
		"replica": {AppendReplica("o", aReplica(t)), func(b []byte, other bool) error {
			_, err := ReadReplica(map[bool]string{true: "x", false: "o"}[other], b)
			return err
		}},
		"tail": {AppendTail(tail, aTail()), func(b []byte, other bool) error {
			return Extend(aReplica(t), map[bool]string{true: "x", false: tail}[other], b)
		}},
	} {
		if err := c.read(c.record, false); err != nil {
			t.Fatal(name, err)
		}
		if err := c.read(c.record, true); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s under another key: %v", name, err)
		}
		for i := range c.record {
			b := bytes.Clone(c.record)
			b[i] ^= 0x10
			if err := c.read(b, false); err == nil {
				t.Errorf("%s with byte %d changed is taken", name, i)
			}
			if err := c.read(c.record[:i], false); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s cut at %d: %v", name, i, err)
			}
		}
		b := bytes.Clone(c.record)
		b[0] = format + 1
		if err := c.read(b, false); !errors.Is(err, ErrNewer) {
			t.Errorf("a newer %s: %v", name, err)
		}
	}
}

// resealed is a record with another body, whose checksum is right: somebody took pains.
func resealed(key string, body []byte) []byte { return seal(key, append(begin(len(body)), body...)) }

func FuzzWork(f *testing.F) {
	f.Add(AppendWork(aWork())[headSize:])
	f.Add(AppendItem(anItem())[headSize:])
	f.Fuzz(func(t *testing.T, body []byte) {
		id := aWork().ID
		if w, err := ReadWork(id, resealed(WorkPrefix+id, body)); err == nil {
			if v, err := ReadWork(id, AppendWork(w)); err != nil || !bytes.Equal(AppendWork(v), AppendWork(w)) {
				t.Fatalf("%v: %+v became %+v", err, w, v)
			}
		}
		if i, err := ReadItem(id, resealed(ItemPrefix+id, body)); err == nil {
			if v, err := ReadItem(id, AppendItem(i)); err != nil || !bytes.Equal(AppendItem(v), AppendItem(i)) {
				t.Fatalf("%v: %+v became %+v", err, i, v)
			}
		}
	})
}

func FuzzReplica(f *testing.F) {
	f.Add(AppendReplica("o", aReplica(f))[headSize:], AppendTail(TailKey("o", 0), aTail())[headSize:])
	f.Fuzz(func(t *testing.T, body, tail []byte) {
		s, err := ReadReplica("o", resealed(ReplicaPrefix+"o", body))
		if err != nil {
			return
		}
		again, err := ReadReplica("o", AppendReplica("o", s))
		if err != nil || !bytes.Equal(AppendReplica("o", again), AppendReplica("o", s)) {
			t.Fatalf("%v: %+v became %+v", err, s, again)
		}
		Extend(s, TailKey("o", 0), resealed(TailKey("o", 0), tail))
	})
}

func FuzzLists(f *testing.F) {
	f.Add(AppendCache([]Cached{{"a", true}})[headSize:], CacheKey)
	f.Add(AppendCeiling(7)[headSize:], TailKey("o", 1))
	f.Fuzz(func(t *testing.T, body []byte, key string) {
		if list, err := Cache(resealed(CacheKey, body)); err == nil {
			if again, err := Cache(AppendCache(list)); err != nil || len(again) != len(list) {
				t.Fatal(list, again, err)
			}
		}
		Ceiling(resealed(CeilingKey, body))
		if name, n, ok := TailOf(key); ok && TailKey(name, n) != key {
			t.Fatal(key)
		}
	})
}
