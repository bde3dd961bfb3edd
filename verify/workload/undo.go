package workload

import (
	"context"
	"errors"
	"fmt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/verify/rig"
)

// undo: everybody writes into shared places and takes some of it back. What is undone must be as before; where somebody else has
// been since, nothing may happen.
func undo(ctx context.Context, r *rig.Rig, scale int, say func(string, ...any)) error {
	return r.Each(4, "undo", func(c *rig.Client, o dstm.Object, i int) error {
		mine := fmt.Sprint("own-", i)
		stack := dstm.NewUndoStack(o, 0)
		for n := range 8 * scale {
			// In a place of its own undo always works, and leads back exactly.
			before, err := look(o, mine)
			if err != nil {
				return err
			}
			if _, err := stack.Update(ctx, func(tx *dstm.Tx) error { tx.Set(n+1000, mine); return nil }); err != nil {
				if expected(err) {
					continue
				}
				return err
			}
			if _, err := stack.Undo(ctx); err != nil {
				if expected(err) {
					continue
				}
				return fmt.Errorf("undoing in a place of its own: %w", err)
			}
			if after, err := look(o, mine); err != nil || after != before {
				return fmt.Errorf("undo led to %d where %d was before, %v", after, before, err)
			}
			// In a shared one it works unless somebody has been there.
			was := 0
			commit, err := o.Update(ctx, func(tx *dstm.Tx) error {
				was = number(tx, "shared")
				tx.Set(i*1_000_000+n, "shared")
				return nil
			})
			if err != nil {
				if expected(err) {
					continue
				}
				return err
			}
			undone, err := o.Undo(ctx, commit)
			if err == nil {
				if err := undid(ctx, o, undone, i*1_000_000+n); err != nil {
					return err
				}
			}
			switch {
			case errors.Is(err, dstm.ErrConflict) || err != nil && expected(err):
			case err != nil:
				return err
			case undone.Version == commit.Version+1:
				// Nobody was in between: now it must be as it was, unless somebody has come since.
				err := o.View(func(tx *dstm.Tx) error {
					if now := number(tx, "shared"); tx.Version() == undone.Version && now != was {
						return fmt.Errorf("undo of version %d led to %d where %d was", commit.Version, now, was)
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// undid fails if an undo that did something found another value than the one that it was to take back.
func undid(ctx context.Context, o dstm.Object, undone dstm.Commit, mine int) error {
	err := o.ViewAt(ctx, undone.Version-1, func(tx *dstm.Tx) error {
		if n := number(tx, "shared"); n != mine {
			return fmt.Errorf("version %d undid what wrote %d, but %d was there", undone.Version, mine, n)
		}
		return nil
	})
	if errors.Is(err, dstm.ErrHistory) || err != nil && passing(err) {
		return nil
	}
	return err
}
