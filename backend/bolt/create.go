package bolt

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// create makes a store at path whole or not at all: a power cut in the middle must not leave half of a first page, which
// would look like damage for ever. It is made beside path, synced, and then given its name. If somebody else
// was faster, theirs stays.
func create(path string, o Options, h hooks) (err error) {
	folder := filepath.Dir(path)
	temporary, err := os.CreateTemp(folder, filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	name := temporary.Name()
	defer func() { err = errors.Join(err, ignore(os.Remove(name), fs.ErrNotExist)) }()
	if err = errors.Join(temporary.Chmod(o.Mode), temporary.Close()); err != nil {
		return err
	}
	db, err := openDB(name, o, h)
	if err != nil {
		return err
	}
	if err = errors.Join(db.Update(h.writeFormat), db.Sync(), db.Close()); err != nil {
		return err
	}
	return errors.Join(ignore(publish(name, path), fs.ErrExist), syncFolder(folder))
}

// publish gives the file called name its path, unless something is there: that is the error fs.ErrExist.
func publish(name, path string) error {
	// Link fails where the name is taken; a rename would take the file away from whoever has just opened it.
	err := os.Link(name, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(path); err == nil { // a file system without hard links
		return fs.ErrExist
	}
	return os.Rename(name, path)
}

// syncFolder makes names in a folder durable. Windows has no way and needs none.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func ignore(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}
