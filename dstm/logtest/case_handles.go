package logtest

import (
	"errors"

	"github.com/trefoilgo/trefoil/dstm"
)

// reopenKeepsEverything opens the log again after each thing that must last.
func reopenKeepsEverything(k *kit) {
	if k.reopen == nil {
		k.Logf("the log does not persist")
		return
	}
	log := k.open()
	again := func() {
		k.Helper()
		log = k.reopen(log)
		k.closeLater(log)
	}
	again()
	k.wantHead(log, 0)
	k.wantSnapshot(log, 0, nil)
	k.fill(log, 100)
	again()
	k.wantNumbered(log, 0, 100)
	k.fill(log, 130)
	data := pattern(1, 900<<10)
	k.save(log, 120, data)
	again()
	k.wantNumbered(log, 0, 130)
	k.wantSnapshot(log, 120, data)

	broken := errors.New("the reader broke")
	n := 0
	err := log.SaveSnapshot(k.ctx, 125, readerFunc(func(p []byte) (int, error) {
		if n += len(p); n > 500<<10 {
			return 0, broken
		}
		return len(p), nil
	}))
	if !errors.Is(err, broken) {
		k.Fatalf("SaveSnapshot of a failing reader: %v", err)
	}
	again()
	k.wantSnapshot(log, 120, data)

	if err := log.Truncate(k.ctx, 110); err != nil {
		k.Fatalf("Truncate: %v", err)
	}
	reach := k.reach(log, 130)
	again()
	if now := k.reach(log, 130); now != reach {
		k.Fatalf("the log began behind %d and begins behind %d since it was opened again", reach, now)
	}
	k.wantNumbered(log, reach, 130)
	k.save(log, 130, []byte("all"))
	if err := log.Truncate(k.ctx, 130); err != nil {
		k.Fatalf("Truncate: %v", err)
	}
	again()
	k.wantHead(log, 130)
	k.wantSnapshot(log, 130, []byte("all"))
	k.fill(log, 140)
	again()
	k.wantNumbered(log, 130, 140)
}

// severalHandles uses one log as two nodes do.
func severalHandles(k *kit) {
	if k.share == nil {
		k.Logf("the log has one handle only")
		return
	}
	a := k.fresh()
	b := k.share(a)
	k.closeLater(b)
	k.fill(a, 10)
	k.wantNumbered(b, 0, 10)
	k.appendTo(b, 10, dataAt(11))
	_, err := a.Append(k.ctx, 10, batch([]byte("late")))
	k.wantReason(err, dstm.ErrMoved, "Append on one handle after the other was faster")
	k.wantNumbered(a, 0, 11)

	followed := make(chan error, 1)
	go func() {
		_, err := readSome(k.ctx, b, 11, 9)
		followed <- err
	}()
	k.fill(a, 20)
	if err := <-followed; err != nil {
		k.Fatalf("Read on one handle while the other appends: %v", err)
	}
	k.save(a, 15, []byte("fifteen"))
	k.wantSnapshot(b, 15, []byte("fifteen"))

	if err := a.Close(); err != nil {
		k.Fatalf("Close: %v", err)
	}
	_, err = a.Head(k.ctx)
	k.wantReason(err, dstm.ErrLogClosed, "Head of a closed handle")
	k.fill(b, 30)
	k.wantNumbered(b, 20, 30)
}
