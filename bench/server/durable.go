package server

import (
	"os"
	"path/filepath"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/dstm"
)

// boltLog is a log on disk, in the folder that the process was given.
func boltLog() (dstm.Log, error) {
	store, err := bolt.Open(filepath.Join(os.Getenv(DirVariable), "trefoil.db"), nil)
	if err != nil {
		return nil, err
	}
	return store.Log("main")
}

// trefoilDurable is Trefoil with its objects on disk, at the defaults of backend/bolt.
func trefoilDurable() ([]string, map[string]child.Command, error) {
	log, err := boltLog()
	if err != nil {
		return nil, nil, err
	}
	return serveTrefoil(log)
}
