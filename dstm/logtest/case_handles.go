package logtest

import "github.com/trefoilgo/trefoil/dstm"

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
	k.wantPieces(log)
	k.fill(log, 100)
	again()
	k.wantNumbered(log, 0, 100)
	k.fill(log, 130)
	pieces := []dstm.Piece{piece("a\x00b", 120, "state"), piece("b", 0, ""), {Key: "c", Position: 9, Value: pattern(1, 900<<10)}}
	k.save(log, append(pieces, piece("d", 1, "removed"))...)
	k.save(log, gone("d", 1))
	again()
	k.wantNumbered(log, 0, 130)
	k.wantPieces(log, pieces...)
	k.save(log, piece("a\x00b", 119, "older"), piece("c", 130, "newer"), gone("b", 1), piece("d", 0, "back"))
	pieces = []dstm.Piece{pieces[0], piece("c", 130, "newer"), piece("d", 0, "back")}
	again()
	k.wantPieces(log, pieces...)

	if err := log.Truncate(k.ctx, 110); err != nil {
		k.Fatalf("Truncate: %v", err)
	}
	reach := k.reach(log, 130)
	again()
	if now := k.reach(log, 130); now != reach {
		k.Fatalf("the log began behind %d and begins behind %d since it was opened again", reach, now)
	}
	k.wantNumbered(log, reach, 130)
	if err := log.Truncate(k.ctx, 130); err != nil {
		k.Fatalf("Truncate: %v", err)
	}
	again()
	k.wantHead(log, 130)
	k.wantPieces(log, pieces...)
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
	k.save(a, piece("o/1", 15, "fifteen"), piece("o/2", 9, "nine"))
	k.wantPieces(b, piece("o/1", 15, "fifteen"), piece("o/2", 9, "nine"))
	k.save(b, piece("o/1", 14, "older"), gone("o/2", 9))
	k.wantPieces(a, piece("o/1", 15, "fifteen"))

	if err := a.Close(); err != nil {
		k.Fatalf("Close: %v", err)
	}
	_, err = a.Head(k.ctx)
	k.wantReason(err, dstm.ErrLogClosed, "Head of a closed handle")
	k.save(b, piece("o/1", 16, "sixteen"))
	k.wantPieces(b, piece("o/1", 16, "sixteen"))
	k.fill(b, 30)
	k.wantNumbered(b, 20, 30)
}
