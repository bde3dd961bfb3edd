package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/trefoilgo/trefoil/dstm"
)

func readFromAnywhere(k *kit) {
	log := k.fresh()
	k.fill(log, 40)
	for after := range dstm.Position(40) {
		k.wantNumbered(log, after, 40)
	}
	for range 3 { // a consumer may stop anywhere
		k.read(log, 10, 1)
	}
	seq := log.Read(k.ctx, 38)
	for range 2 { // and start again
		n := 0
		for _, err := range seq {
			if err != nil {
				k.Fatalf("Read: %v", err)
			}
			if n++; n == 2 {
				break
			}
		}
		if n != 2 {
			k.Fatalf("Read behind 38 yielded %d of 2 entries", n)
		}
	}
}

// readFollows appends one batch when the one before has been seen.
func readFollows(k *kit) {
	log := k.fresh()
	k.fill(log, 3)
	next := dstm.Position(4)
	k.appendTo(log, 3, dataAt(4))
	for e, err := range log.Read(k.ctx, 3) {
		if err != nil {
			k.Fatalf("Read: %v", err)
		}
		if e.Position != next || !bytes.Equal(e.Data, dataAt(next)) {
			k.Fatalf("Read yielded %d (%q), want %d", e.Position, e.Data, next)
		}
		if next == 40 {
			break
		}
		next++
		head, done := k.head(log), make(chan error, 1)
		if head >= next {
			continue
		}
		// From elsewhere, so that sometimes the reader waits already and sometimes not.
		go func() {
			_, err := log.Append(k.ctx, head, batch(numbered(head, int(head%3)+1)...))
			done <- err
		}()
		if next%2 == 0 {
			if err := <-done; err != nil {
				k.Fatalf("Append: %v", err)
			}
		} else {
			k.Cleanup(func() {
				if err := <-done; err != nil {
					k.Errorf("Append: %v", err)
				}
			})
		}
	}
	if next != 40 {
		k.Fatalf("Read ended at %d, before its context", next)
	}
}

func readEndsWithContext(k *kit) {
	log := k.fresh()
	k.fill(log, 30)
	for _, after := range []dstm.Position{0, 20, 29} { // cancel with entries left, and with none left
		ctx, cancel := context.WithCancel(k.ctx)
		n := 0
		for e, err := range log.Read(ctx, after) {
			if n++; err != nil {
				k.Fatalf("Read behind %d yielded the error %v", after, err)
			}
			if n > 1 {
				k.Fatalf("Read behind %d yielded %d after its context was canceled", after, e.Position)
			}
			cancel()
		}
		cancel()
	}
	// And while it waits.
	ctx, cancel := context.WithCancel(k.ctx)
	defer cancel()
	ended := make(chan error, 1)
	seen := make(chan struct{})
	go func() {
		for e, err := range log.Read(ctx, 29) {
			if err != nil {
				ended <- err
				return
			}
			if e.Position == 30 {
				close(seen)
			}
		}
		ended <- nil
	}()
	select {
	case <-seen:
	case <-k.ctx.Done():
		k.Fatalf("Read behind 29 did not yield 30")
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			k.Fatalf("a waiting Read yielded the error %v when its context was canceled", err)
		}
	case <-k.ctx.Done():
		k.Fatalf("a waiting Read did not end with its context")
	}
}

// readHoldsNothingBack uses the log in every way from inside a loop over Read: nothing may be locked meanwhile.
func readHoldsNothingBack(k *kit) {
	log := k.fresh()
	k.fill(log, 5)
	for e, err := range log.Read(k.ctx, 0) {
		if err != nil {
			k.Fatalf("Read: %v", err)
		}
		if e.Position == 50 {
			break
		}
		head := k.head(log)
		k.appendTo(log, head, numbered(head, 2)...)
		if e.Position%10 == 0 {
			p := piece("state", e.Position, fmt.Sprint(e.Position))
			k.save(log, p)
			k.wantPieces(log, p)
			if err := log.Truncate(k.ctx, e.Position); err != nil {
				k.Fatalf("Truncate: %v", err)
			}
		}
	}
}

func severalReaders(k *kit) {
	log := k.fresh()
	const upto = 120
	k.fill(log, 20)
	each(6, func(i int) {
		if i == 0 {
			for head := dstm.Position(20); head < upto; head += 4 {
				if _, err := log.Append(k.ctx, head, batch(numbered(head, 4)...)); err != nil {
					k.Errorf("Append: %v", err)
					return
				}
			}
			return
		}
		after := dstm.Position(i * 5)
		got, err := readSome(k.ctx, log, after, int(upto-after))
		if err != nil {
			k.Errorf("Read behind %d: %v", after, err)
			return
		}
		for _, e := range got {
			if !bytes.Equal(e.Data, dataAt(e.Position)) {
				k.Errorf("entry %d holds %q", e.Position, e.Data)
				return
			}
			if head, err := log.Head(k.ctx); err != nil || head < e.Position {
				k.Errorf("Head is %d, %v after entry %d was yielded", head, err, e.Position)
				return
			}
		}
	})
}

// readEnd is the error with which a Read behind after begins, nil if it yields an entry instead.
func (k *kit) readEnd(log dstm.Log, after dstm.Position) error {
	k.Helper()
	var end error
	for e, err := range log.Read(k.ctx, after) {
		if end != nil {
			k.Fatalf("Read behind %d yielded %d, %v after the error %v", after, e.Position, err, end)
		}
		if err == nil {
			if e.Position != after+1 {
				k.Fatalf("Read behind %d yielded %d first", after, e.Position)
			}
			return nil
		}
		end = err
	}
	if end == nil {
		k.Fatalf("Read behind %d ended without a word: %v", after, errors.Join(k.ctx.Err()))
	}
	return end
}
