package bolt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// Restore makes the file at path of what [Store.Backup] wrote, which r yields. The file is there whole and synced or not at
// all. Everything in it is verified first, and every log gets the piece [dstm.RestoredKey], so that its next store begins a new
// epoch: entries may be missing that clients have seen.
//
// Errors: already_exists if there is something at path, which then is left as it is; [ErrDamaged] and the others of [Open]
// for what r yields; that of r; what the operating system said.
func Restore(path string, r io.Reader) (err error) {
	if path == "" {
		return status.New(status.InvalidArgument, "", "the path is empty")
	}
	if _, err := os.Lstat(path); err == nil {
		return taken(path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return openError(path, err)
	}
	folder := filepath.Dir(path)
	temporary, err := os.CreateTemp(folder, filepath.Base(path)+".new-*")
	if err != nil {
		return openError(path, err)
	}
	name := temporary.Name()
	defer func() { err = errors.Join(err, ignore(os.Remove(name), fs.ErrNotExist)) }()
	n, err := io.Copy(temporary, r)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if n == 0 { // Open would make a store of it
		return damaged("the backup is empty")
	}
	if err = markRestored(name); err != nil {
		return err
	}
	if err = publish(name, path); errors.Is(err, fs.ErrExist) {
		return taken(path)
	}
	if err = errors.Join(err, syncFolder(folder)); err != nil {
		return openError(path, err)
	}
	return nil
}

func taken(path string) error {
	return status.New(status.AlreadyExists, "", "there is something at %s: a backup is restored to a new path", path)
}

// markRestored verifies every log of the file at path, and marks it.
func markRestored(path string) (err error) {
	s, err := Open(path, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var names []string
	err = s.view(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			if name, ok := bytes.CutPrefix(name, logPrefix); ok {
				names = append(names, string(name))
			}
			return nil
		})
	})
	for i := 0; err == nil && i < len(names); i++ {
		var l dstm.Log
		if l, err = s.Log(names[i]); err == nil {
			err = verify(l.(*handle))
		}
		if err == nil {
			err = l.Save(context.Background(), []dstm.Piece{{Key: dstm.RestoredKey, Value: []byte{1}}})
		}
	}
	return err
}

// verify reads everything of a log.
func verify(h *handle) error {
	ctx := context.Background()
	if head, base, _ := h.state(); base < head {
		for e, err := range h.Read(ctx, base) {
			if err != nil {
				return err
			}
			if e.Position == head {
				break
			}
		}
	}
	for _, err := range h.List(ctx, "", "") {
		if err != nil {
			return err
		}
	}
	return nil
}
