package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
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
		if err := l.SaveSnapshot(ctx, 30, strings.NewReader(strings.Repeat("state ", 1000))); err != nil {
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
	at, r, err := l.LoadSnapshot(ctx)
	if coded(err) && r != nil {
		data, err := io.ReadAll(r)
		if coded(err) && (at != 30 || string(data) != strings.Repeat("state ", 1000)) {
			t.Errorf("a snapshot of %d bytes at %d was made up", len(data), at)
		}
		r.Close()
	}
	for after := at; after < head; {
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
	coded(l.SaveSnapshot(ctx, head, strings.NewReader("new")))
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

// FuzzDescriptor: the same for the descriptor of a snapshot.
func FuzzDescriptor(f *testing.F) {
	f.Add([]byte{})
	f.Add(descriptor{id: 1, at: 30, size: 6000, chunks: 1}.record())
	f.Fuzz(func(t *testing.T, record []byte) {
		d, err := parseDescriptor(record)
		if err == nil && !bytes.Equal(d.record(), record) {
			t.Fatalf("%x was taken for %+v", record, d)
		}
	})
}
