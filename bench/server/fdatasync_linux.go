package server

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/commit"
)

// block is what one caller writes before it waits for the disk.
const block = 4 << 10

// fdatasync is the floor of durable commits: callers whose blocks one goroutine appends to a file, with one fdatasync for all that wait.
func fdatasync() ([]string, map[string]child.Command, error) {
	f, err := os.Create(filepath.Join(os.Getenv(DirVariable), "blocks"))
	if err != nil {
		return nil, nil, err
	}
	waiting := make(chan chan error, 1<<12)
	go group(f, waiting)
	one := func(int) error {
		done := make(chan error, 1)
		waiting <- done
		return <-done
	}
	return nil, commit.Command(func(callers int, lasts time.Duration) (commit.Outcome, error) {
		return commit.Run(callers, lasts, one)
	}), nil
}

// group writes a block for each who waits and syncs once for all of them.
func group(f *os.File, waiting <-chan chan error) {
	data := make([]byte, block)
	var batch []chan error
	for {
		batch = append(batch[:0], <-waiting)
		for more := true; more; {
			select {
			case one := <-waiting:
				batch = append(batch, one)
			default:
				more = false
			}
		}
		var err error
		for range batch {
			if _, e := f.Write(data); e != nil {
				err = e
			}
		}
		if err == nil {
			err = unix.Fdatasync(int(f.Fd()))
		}
		for _, one := range batch {
			one <- err
		}
	}
}
