package bolt

import (
	"os"
	"time"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/status"
)

// Options are the options of [Open]; nil means all defaults.
type Options struct {
	// Mode is the permission of a file that Open creates; 0600 by default.
	Mode os.FileMode
	// LockTimeout is how long Open waits for another process to let go of the file; half a
	// second by default, at most one minute.
	LockTimeout time.Duration
}

func (o *Options) checked() (Options, error) {
	c := Options{}
	if o != nil {
		c = *o
	}
	if c.Mode == 0 {
		c.Mode = 0o600
	}
	if c.LockTimeout == 0 {
		c.LockTimeout = 500 * time.Millisecond
	}
	if c.Mode&^os.ModePerm != 0 || c.Mode&0o600 != 0o600 {
		return c, status.New(status.InvalidArgument, "", "Options.Mode is %v: its owner must be able to read and write", c.Mode)
	}
	if c.LockTimeout < 0 || c.LockTimeout > time.Minute {
		return c, status.New(status.InvalidArgument, "", "Options.LockTimeout is %v, not between 0 and a minute", c.LockTimeout)
	}
	return c, nil
}

// hooks are what the options do not offer. All but client are for this package's tests alone: they break what the store promises.
type hooks struct {
	client    bool // the file is a client's
	noSync    bool
	pageSize  int
	allocSize int
	openFile  func(string, int, os.FileMode) (*os.File, error)
}

// allocSize is by how much the file grows at a time, in bytes. Growing costs a sync of its own, so not
// page by page; bbolt's 16 MiB make every small store a file of 16 MiB.
const allocSize = 4 << 20

// bboltOptions are the options that matter, and why.
func bboltOptions(o Options, h hooks) *bbolt.Options {
	return &bbolt.Options{
		Timeout: o.LockTimeout,
		// The list of free pages is rebuilt when the file is opened instead of being written with every
		// commit: after a truncation it has megabytes, and each append would write them all.
		NoFreelistSync: true,
		// Constant time where the default searches an array from the beginning.
		FreelistType: bbolt.FreelistMapType,
		// Mapping more means that no commit waits for all readers to leave, and costs address space only.
		InitialMmapSize: initialMmapSize,
		// Nobody reads the statistics, and counting them takes a lock in every transaction.
		NoStatistics: true,
		// The page size of the operating system: larger ones write more per commit, smaller ones are torn by it.
		PageSize: h.pageSize,
		NoSync:   h.noSync,
		OpenFile: h.openFile,
	}
}
