package logtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

func snapshotRoundTrip(k *kit) {
	log := k.fresh()
	k.fill(log, 10)
	k.save(log, 2, nil)
	k.wantSnapshot(log, 2, nil)
	k.save(log, 7, []byte("seven"))
	for range 2 {
		k.wantSnapshot(log, 7, []byte("seven"))
	}
	for i, size := range []int{1, 32<<10 - 1, 32 << 10, 256<<10 + 1, 1 << 20} {
		at := dstm.Position(8 + i)
		k.fill(log, at)
		data := pattern(int64(at), size)
		k.save(log, at, data)
		k.wantSnapshot(log, at, data)
	}
	k.wantNumbered(log, 0, 12) // a snapshot removes no entry
}

func snapshotOrder(k *kit) {
	log := k.fresh()
	k.fill(log, 10)
	k.save(log, 5, []byte("five"))
	k.save(log, 3, []byte("three"))
	k.wantSnapshot(log, 5, []byte("five"))
	k.save(log, 5, []byte("another"))
	k.wantSnapshot(log, 5, []byte("five"))
	k.save(log, 0, []byte("zero"))
	k.wantSnapshot(log, 5, []byte("five"))
	k.save(log, 10, []byte("ten"))
	k.wantSnapshot(log, 10, []byte("ten"))
}

func snapshotBeyondHead(k *kit) {
	log := k.fresh()
	err := log.SaveSnapshot(k.ctx, 1, bytes.NewReader([]byte("no")))
	k.wantCode(err, status.FailedPrecondition, "SaveSnapshot at 1 on an empty log")
	k.fill(log, 4)
	k.save(log, 4, []byte("four"))
	err = log.SaveSnapshot(k.ctx, 5, bytes.NewReader([]byte("no")))
	k.wantCode(err, status.FailedPrecondition, "SaveSnapshot at 5 with head 4")
	k.wantSnapshot(log, 4, []byte("four"))
}

func snapshotFailingReader(k *kit) {
	log := k.fresh()
	k.fill(log, 10)
	broken := errors.New("the reader broke")
	fail := func(at dstm.Position, after int) {
		k.Helper()
		r := io.MultiReader(bytes.NewReader(pattern(1, after)), readerFunc(func([]byte) (int, error) { return 0, broken }))
		if err := log.SaveSnapshot(k.ctx, at, r); !errors.Is(err, broken) {
			k.Fatalf("SaveSnapshot of a reader that fails after %d bytes: got %v, want its error", after, err)
		}
	}
	sizes := []int{0, 1, 100 << 10, 700 << 10}
	for _, size := range sizes {
		fail(3, size)
		k.wantSnapshot(log, 0, nil)
	}
	k.save(log, 5, []byte("five"))
	for _, size := range sizes {
		fail(8, size)
		k.wantSnapshot(log, 5, []byte("five"))
	}
	k.save(log, 8, []byte("eight"))
	k.wantSnapshot(log, 8, []byte("eight"))
}

// snapshotGivenUp cancels the context in the middle of the stream.
func snapshotGivenUp(k *kit) {
	log := k.fresh()
	k.fill(log, 10)
	k.save(log, 5, []byte("five"))
	ctx, cancel := context.WithCancel(k.ctx)
	defer cancel()
	left := 2 << 20
	err := log.SaveSnapshot(ctx, 9, readerFunc(func(p []byte) (int, error) {
		if left -= len(p); left < 0 {
			cancel()
		}
		if left < -64<<20 {
			return 0, io.EOF // it does not look at its context at all
		}
		return len(p), nil
	}))
	if !errors.Is(err, context.Canceled) {
		k.Fatalf("SaveSnapshot whose context was canceled on the way: %v", err)
	}
	k.wantSnapshot(log, 5, []byte("five"))
	k.save(log, 9, []byte("nine"))
	k.wantSnapshot(log, 9, []byte("nine"))
}

// snapshotWhileAppending appends from inside the reader: a snapshot must not hold up the log.
func snapshotWhileAppending(k *kit) {
	log := k.fresh()
	k.fill(log, 10)
	const parts = 12
	n := 0
	err := log.SaveSnapshot(k.ctx, 10, readerFunc(func(p []byte) (int, error) {
		if n == parts {
			return 0, io.EOF
		}
		n++
		head, err := log.Head(k.ctx)
		if err == nil {
			_, err = log.Append(k.ctx, head, batch(dataAt(head+1)))
		}
		if err != nil {
			return 0, err
		}
		clear(p)
		return len(p), nil
	}))
	if err != nil {
		k.Fatalf("SaveSnapshot while its reader appends: %v", err)
	}
	k.wantNumbered(log, 0, 10+parts)
	at, r, err := log.LoadSnapshot(k.ctx)
	if err != nil || at != 10 {
		k.Fatalf("LoadSnapshot: at %d, %v", at, err)
	}
	r.Close()
}

// snapshotReplacedWhileRead: a reader opened before goes on with what it began, or fails; it never ends short or mixed.
func snapshotReplacedWhileRead(k *kit) {
	log := k.fresh()
	k.fill(log, 10)
	old := pattern(1, 3<<20)
	k.save(log, 4, old)
	at, r, err := log.LoadSnapshot(k.ctx)
	if err != nil || at != 4 {
		k.Fatalf("LoadSnapshot: at %d, %v", at, err)
	}
	first := make([]byte, 1000)
	if _, err := io.ReadFull(r, first); err != nil {
		k.Fatalf("reading the beginning: %v", err)
	}
	for p := dstm.Position(5); p < 8; p++ {
		k.save(log, p, pattern(int64(p), 3<<20))
	}
	if err := log.Truncate(k.ctx, 7); err != nil {
		k.Fatalf("Truncate: %v", err)
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		k.Logf("the older snapshot can no longer be read: %v", err)
	} else if !bytes.Equal(append(first, rest...), old) {
		k.Fatalf("a snapshot that was replaced while it was read gave other bytes without an error")
	}
	if err := r.Close(); err != nil {
		k.Fatalf("closing the older snapshot: %v", err)
	}
	k.wantSnapshot(log, 7, pattern(7, 3<<20))
}

func concurrentSnapshots(k *kit) {
	log := k.fresh()
	k.fill(log, 20)
	each(6, func(i int) {
		at := dstm.Position(i*3 + 1)
		if err := log.SaveSnapshot(k.ctx, at, bytes.NewReader(pattern(int64(at), 300<<10))); err != nil {
			k.Errorf("SaveSnapshot at %d: %v", at, err)
		}
	})
	k.wantSnapshot(log, 16, pattern(16, 300<<10))
}

// pattern makes n bytes that depend on seed and nowhere repeat.
func pattern(seed int64, n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(data) //nolint:errcheck // never fails
	return data
}
