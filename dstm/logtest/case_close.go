package logtest

import (
	"errors"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/dstm"
)

func closeEndsEverything(k *kit) {
	log := k.fresh()
	k.fill(log, 10)
	k.fillPieces(log, 2000)
	const readers = 3
	ended := make(chan error, readers)
	atHead := make(chan struct{}, readers)
	for range readers {
		go func() {
			var last error
			for e, err := range log.Read(k.ctx, 8) {
				if e.Position == 10 {
					atHead <- struct{}{}
				}
				last = err
			}
			ended <- last
		}()
	}
	for range readers {
		select {
		case <-atHead:
		case <-k.ctx.Done():
			k.Fatalf("Read did not reach the head")
		}
	}
	var listEnd error
	for _, listEnd = range log.List(k.ctx, "", "") {
		for range 2 {
			if err := log.Close(); err != nil {
				k.Fatalf("Close: %v", err)
			}
		}
	}
	k.wantReason(listEnd, dstm.ErrLogClosed, "the end of a List when the log was closed")
	for range readers {
		select {
		case err := <-ended:
			k.wantReason(err, dstm.ErrLogClosed, "a waiting Read when the log was closed")
		case <-k.ctx.Done():
			k.Fatalf("a waiting Read did not end when the log was closed")
		}
	}
	_, err := log.Head(k.ctx)
	k.wantReason(err, dstm.ErrLogClosed, "Head of a closed log")
	_, err = log.Append(k.ctx, 10, batch([]byte("no")))
	k.wantReason(err, dstm.ErrLogClosed, "Append to a closed log")
	k.wantReason(k.readEnd(log, 0), dstm.ErrLogClosed, "Read of a closed log")
	k.wantReason(log.Save(k.ctx, []dstm.Piece{piece("a", 1, "no")}), dstm.ErrLogClosed, "Save to a closed log")
	_, err = log.Load(k.ctx, "a")
	k.wantReason(err, dstm.ErrLogClosed, "Load of a closed log")
	_, err = listed(k.ctx, log, "", "")
	k.wantReason(err, dstm.ErrLogClosed, "List of a closed log")
	k.wantReason(keysEnd(k.ctx, log), dstm.ErrLogClosed, "Keys of a closed log")
	k.wantReason(log.Truncate(k.ctx, 1), dstm.ErrLogClosed, "Truncate of a closed log")
}

// closeWhileAppending checks that what was acknowledged is there and what was refused is not.
func closeWhileAppending(k *kit) {
	log := k.fresh()
	var acknowledged atomic.Uint64
	var closing atomic.Bool
	each(3, func(int) {
		for acknowledged.Load() < 2000 { // it will be closed long before
			head, err := log.Head(k.ctx)
			if err == nil {
				head, err = log.Append(k.ctx, head, batch(numbered(head, 2)...))
			}
			switch {
			case err == nil:
				for seen := acknowledged.Load(); seen < uint64(head) && !acknowledged.CompareAndSwap(seen, uint64(head)); {
					seen = acknowledged.Load()
				}
			case errors.Is(err, dstm.ErrLogClosed):
				k.wantClosed(err, closing.Load())
				return
			case !errors.Is(err, dstm.ErrMoved):
				k.Errorf("Append while the log closes: %v", err)
				return
			}
			if head >= 20 && closing.CompareAndSwap(false, true) {
				if err := log.Close(); err != nil {
					k.Errorf("Close: %v", err)
				}
			}
		}
	})
	if k.reopen == nil {
		return
	}
	log = k.reopen(log)
	k.closeLater(log)
	k.wantNumbered(log, 0, dstm.Position(acknowledged.Load()))
}

func (k *kit) wantClosed(err error, closing bool) {
	if !closing {
		k.Errorf("the log closed by itself: %v", err)
	}
}
