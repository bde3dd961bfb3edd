package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// soundFile is a small store with everything in it.
func soundFile(t testing.TB) []byte {
	t.Helper()
	path := newPath(t)
	s, err := open(path, nil, hooks{pageSize: 1024, allocSize: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"main", "other"} {
		l := mustLog(t, s, name)
		fill(t, l, 60)
		if err := l.Save(ctx, soundPieces()); err != nil {
			t.Fatal(err)
		}
		if err := l.Truncate(ctx, 20); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// soundPieces are some small pieces, one in chunks, and an empty one.
func soundPieces() []dstm.Piece {
	pieces := []dstm.Piece{{Key: "chunks", Position: 30, Value: largeAt(3)}, {Key: "empty", Position: 30, Value: []byte{}}}
	for i := range 30 {
		pieces = append(pieces, dstm.Piece{Key: fmt.Sprintf("o/%02d", i), Position: 30, Value: dataAt(dstm.Position(i))})
	}
	return pieces
}

// damage changes a copy of file as patches say: an offset (3 bytes), a length (1 byte), and what is written there.
// If the first byte is odd, the checksums of the first two pages are made good again.
func damage(file, patches []byte) []byte {
	file = bytes.Clone(file)
	if len(patches) == 0 {
		return file
	}
	repair, patches := patches[0]&1 != 0, patches[1:]
	for len(patches) > 4 {
		offset := int(patches[0])<<16 | int(patches[1])<<8 | int(patches[2])
		n := min(int(patches[3]), len(patches)-4)
		copy(file[offset%len(file):], patches[4:4+n])
		patches = patches[4+n:]
	}
	for page := 0; repair && page < 2; page++ {
		m := file[page*1024+pageHeader:]
		sum := fnv.New64a()
		sum.Write(m[:56])
		order.PutUint64(m[56:], sum.Sum64())
	}
	return file
}

// exercise uses a file in every way. Each call must end, with an error that has a code or with the truth.
func exercise(t testing.TB, path string) {
	coded := func(err error) bool {
		if err != nil && !errors.As(err, new(*status.Error)) {
			t.Errorf("an error without a code: %v", err)
		}
		return err == nil
	}
	s, err := Open(path, nil)
	if errors.Is(err, ErrLocked) {
		t.Fatal("the one before could not be closed")
	}
	if !coded(err) {
		return
	}
	defer func() { coded(s.Close()) }()
	l, err := s.Log("main")
	if !coded(err) {
		return
	}
	head, err := l.Head(ctx)
	coded(err)
	sound := map[string]dstm.Piece{}
	for _, p := range soundPieces() {
		sound[p.Key] = p
		got, err := l.Load(ctx, p.Key)
		if coded(err) && got.Value != nil && (got.Position != p.Position || !bytes.Equal(got.Value, p.Value)) {
			t.Errorf("the piece %q of %d bytes at %d was made up", p.Key, len(got.Value), got.Position)
		}
	}
	for p, err := range l.List(ctx, "", "") {
		if coded(err) && (p.Position != 30 || p.Value == nil || !bytes.Equal(p.Value, sound[p.Key].Value)) {
			t.Errorf("the piece %q of %d bytes at %d was made up", p.Key, len(p.Value), p.Position)
		}
	}
	for _, err := range l.Keys(ctx, "o/", "o/1") {
		coded(err)
	}
	for after := dstm.Position(20); after < head; {
		for e, err := range l.Read(ctx, after) {
			if !coded(err) {
				head = 0
				break
			}
			if after = e.Position; !bytes.Equal(e.Data, dataAt(e.Position)) {
				t.Errorf("entry %d was made up: %.40q", e.Position, e.Data)
			}
			if after == head {
				break
			}
		}
	}
	if head, err = l.Head(ctx); coded(err) {
		_, err = l.Append(ctx, head, batchAt(head, 5))
		coded(err)
	}
	for _, p := range soundPieces() {
		p.Value = p.Value[:len(p.Value)/2]
		coded(l.Save(ctx, []dstm.Piece{p}))
	}
	coded(l.Save(ctx, []dstm.Piece{{Key: "chunks", Position: 30, Value: largeAt(4)}, {Key: "empty", Position: 31}}))
	coded(l.Truncate(ctx, head))
}

// FuzzOpen damages a file anywhere: nothing may panic, hang, or give out what was never written.
func FuzzOpen(f *testing.F) {
	file := soundFile(f)
	f.Add([]byte{})
	f.Add([]byte{0, 0, 4, 0, 1, 7})
	f.Add(append([]byte{1, 0, 0, pageHeader + 16, 8}, binary.NativeEndian.AppendUint64(nil, 3)...)) // another root
	f.Add(append([]byte{1, 0, 4, pageHeader + 40, 8}, binary.NativeEndian.AppendUint64(nil, 1<<40)...))
	for page := 2; page < 12; page++ { // the header of each page: another id, other flags, more elements, overflow
		at := page * 1024
		for i, value := range []byte{9, 1, 200, 255} {
			f.Add([]byte{0, byte(at >> 16), byte(at >> 8), byte([]int{0, 8, 10, 12}[i]), 1, value})
		}
	}
	path := filepath.Join(f.TempDir(), "store")
	f.Fuzz(func(t *testing.T, patches []byte) {
		if err := os.WriteFile(path, damage(file, patches), 0o600); err != nil {
			t.Fatal(err)
		}
		exercise(t, path)
	})
}

// TestDamagedFile changes one byte or cuts the file off, at places that a seed chooses.
func TestDamagedFile(t *testing.T) {
	file := soundFile(t)
	path := newPath(t)
	seed := rand.Uint64()
	t.Logf("seed %d, a file of %d bytes", seed, len(file))
	random := rand.New(rand.NewPCG(seed, 0))
	for n := range 150 {
		changed := bytes.Clone(file)
		if n%10 == 0 {
			changed = changed[:random.IntN(len(changed))]
		} else {
			changed[random.IntN(len(changed))] ^= 1 << random.IntN(8)
		}
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		exercise(t, path)
		if t.Failed() {
			t.Fatalf("change number %d", n)
		}
	}
}

// FuzzEntry: what is unsealed was sealed for that place.
func FuzzEntry(f *testing.F) {
	f.Add(uint64(1), []byte{})
	f.Add(uint64(1), []byte{1, 2, 3})
	f.Add(uint64(7), appendSealed(nil, positionKey(7), []byte("seven")))
	f.Add(uint64(8), appendSealed(nil, positionKey(7), []byte("seven")))
	f.Fuzz(func(t *testing.T, position uint64, record []byte) {
		key := positionKey(dstm.Position(position))
		data, err := unsealed(key, record)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if again := appendSealed(nil, key, data); !bytes.Equal(again, record) {
			t.Fatalf("%x was taken for %x", record, again)
		}
	})
}

// FuzzPiece: the same for the record of a piece.
func FuzzPiece(f *testing.F) {
	f.Add("a", []byte{})
	f.Add("a", storedPiece{position: 7, value: []byte("seven")}.record([]byte("a")))
	f.Add("b", storedPiece{position: 7, value: []byte("seven")}.record([]byte("a")))
	f.Add("a", storedPiece{position: 7, value: []byte{}}.record([]byte("a")))
	f.Add("a", storedPiece{position: 1 << 63, id: 9, size: chunkSize + 1}.record([]byte("a")))
	f.Add("a", storedPiece{id: 9, size: 5}.record([]byte("a")))
	f.Add("a", appendSealed(nil, []byte("a"), []byte("12345678\x02")))
	f.Fuzz(func(t *testing.T, key string, record []byte) {
		p, err := parsePiece([]byte(key), record)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if again := p.record([]byte(key)); !bytes.Equal(again, record) {
			t.Fatalf("%x was taken for %+v, which is %x", record, p, again)
		}
	})
}
