package logtest

import (
	"crypto/sha256"
	"hash"
	"io"
	"math/rand/v2"
	"runtime"
)

// memoryBound is how much more than before may be in use while a large snapshot passes, in bytes.
const memoryBound = 16 << 20

// largeSnapshot streams more than may be held in memory, both ways.
func largeSnapshot(k *kit) {
	log := k.fresh()
	k.fill(log, 3)
	before := inUse()
	source := newStream(k.snapshotSize)
	watch := &watchedReader{r: source, most: before}
	if err := log.SaveSnapshot(k.ctx, 3, watch); err != nil {
		k.Fatalf("SaveSnapshot of %d bytes: %v", k.snapshotSize, err)
	}
	at, r, err := log.LoadSnapshot(k.ctx)
	if err != nil || at != 3 {
		k.Fatalf("LoadSnapshot: at %d, %v", at, err)
	}
	defer r.Close()
	watch = &watchedReader{r: r, most: watch.most}
	sum := sha256.New()
	n, err := io.CopyBuffer(sum, onlyReader{watch}, make([]byte, 64<<10))
	if err != nil || n != k.snapshotSize {
		k.Fatalf("read %d of %d bytes: %v", n, k.snapshotSize, err)
	}
	if [32]byte(sum.Sum(nil)) != [32]byte(source.sum.Sum(nil)) {
		k.Fatalf("the snapshot of %d bytes came back changed", n)
	}
	k.Logf("memory in use rose by %d KiB", (watch.most-before)>>10)
	if watch.most > before+memoryBound && !k.inMemory {
		k.Fatalf("memory in use rose by %d MiB for a snapshot of %d MiB", (watch.most-before)>>20, k.snapshotSize>>20)
	}
}

// stream makes bytes from a fixed seed and sums them up.
type stream struct {
	random *rand.ChaCha8
	left   int64
	sum    hash.Hash
}

func newStream(size int64) *stream {
	return &stream{random: rand.NewChaCha8([32]byte{1}), left: size, sum: sha256.New()}
}

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), s.left)]
	s.random.Read(p) //nolint:errcheck // never fails
	s.left -= int64(len(p))
	s.sum.Write(p)
	return len(p), nil
}

// watchedReader looks at the memory in use every few MiB.
type watchedReader struct {
	r    io.Reader
	next int
	most uint64
}

func (w *watchedReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if w.next -= n; w.next <= 0 {
		w.next = 8 << 20
		w.most = max(w.most, inUse())
	}
	return n, err
}

// inUse is the memory that is reachable now, in bytes.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
