package bolt

import (
	"context"
	"io"

	"go.etcd.io/bbolt"
)

// Backup writes a copy of the whole file to w, as it is at one moment, and returns how many bytes it wrote. Everything that
// was acknowledged before the call is in it. It may run beside every other call; [Restore] makes a store of what it wrote.
//
// As long as it runs, space that becomes free is not used again, and an append which needs the file to outgrow what is
// mapped (256 MiB at first) waits for it, with all that comes after. So w should be as fast as a disk: for a slow receiver, write to a
// file on another disk and send that.
//
// Errors: that of w, that of ctx, dstm.ErrLogClosed when the store closes meanwhile, and [ErrDamaged]. Then the copy is not whole.
func (s *Store) Backup(ctx context.Context, w io.Writer) (int64, error) {
	out := &backupWriter{ctx: ctx, store: s, w: w}
	err := s.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(out)
		return err
	})
	if out.err != nil {
		err = out.err // as it was, without bbolt's words
	}
	return out.n, err
}

// backupWriter passes on to w until the context or the store ends.
type backupWriter struct {
	ctx   context.Context
	store *Store
	w     io.Writer
	n     int64
	err   error
}

// Write implements [io.Writer], and fails once the context or the store has ended.
func (b *backupWriter) Write(p []byte) (n int, err error) {
	if err = b.store.gone(); err == nil {
		err = b.ctx.Err()
	}
	if err == nil {
		n, err = b.w.Write(p)
	}
	b.n += int64(n)
	b.err = err
	return n, err
}
