package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
	"github.com/trefoilgo/trefoil/internal/disktest"
	"github.com/trefoilgo/trefoil/internal/fault"
	"github.com/trefoilgo/trefoil/verify/rig"
)

// Power records what a server process writes, syncs and tells while clients work, and rebuilds files that power cuts could have
// left on the way: all that was synced, any of what came later, some of it torn. A store on each must hold everything that
// anybody had been told of, and what the log makes of it.
func Power(ctx context.Context, seed uint64, commits int, say func(format string, args ...any)) error {
	r, err := rig.New(ctx, rig.Options{Seed: seed, Process: true})
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "trefoil-verify-")
	if err != nil {
		return errors.Join(err, r.End())
	}
	defer os.RemoveAll(folder)
	failed := power(ctx, r, seed, commits, folder, say)
	if err := r.End(); failed == nil {
		failed = err
	}
	return failed
}

func power(ctx context.Context, r *rig.Rig, seed uint64, commits int, folder string, say func(format string, args ...any)) error {
	events, err := recordWork(ctx, r, commits, filepath.Join(folder, "trace"))
	if err != nil {
		return err
	}
	var told spoken
	cut := &powerCut{ctx: ctx, told: &told, entries: r.Process().Entries()}
	d := &disktest.Disk{
		Path: r.Process().File, Image: filepath.Join(folder, "store"), Random: rand.New(rand.NewPCG(seed, 2)),
		Hear: told.hear, Verify: cut.verify, Often: 0.25,
	}
	d.Replay(events)
	say("%d system calls recorded, up to position %d of %d was told, %d files rebuilt, of which %d held more than was told",
		len(events), told.position, len(cut.entries), d.Images, cut.more)
	switch {
	case len(d.Faults) > 0:
		return fmt.Errorf("%d files that a power cut could leave are bad, the first: %w", len(d.Faults), d.Faults[0])
	case d.Images < commits/4 || cut.more == 0 || told.position < uint64(commits)/8:
		return errors.New("the power cuts met too little")
	}
	return nil
}

// recordWork has clients work on a server whose file begins with the recording.
func recordWork(ctx context.Context, r *rig.Rig, commits int, out string) ([]disktest.Event, error) {
	strace, err := disktest.Strace()
	if err != nil {
		return nil, err
	}
	p := r.Process()
	p.Kill()
	if err := os.Remove(p.File); err != nil {
		return nil, err
	}
	p.Wrap(disktest.Recording(strace, out)...)
	// The server ends itself: strace must come to write all that it has.
	if err := p.Start(ctx, fmt.Sprintf("%s=%s:%d", rig.PointVariable, fault.BeforeAppend, commits/4)); err != nil {
		return nil, err
	}
	var group sync.WaitGroup
	failed := make(chan error, 4)
	for c := range cap(failed) {
		client, err := r.Client()
		if err != nil {
			return nil, err
		}
		o, err := client.Object(fmt.Sprintf("power/%d", c%2))
		if err != nil {
			return nil, err
		}
		group.Go(func() { failed <- work(ctx, o, r, c, commits/4) })
	}
	select {
	case <-p.Ended():
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(time.Minute):
		return nil, errors.New("the recorded server does not come to its end")
	}
	p.Wrap()
	if err := p.Restart(ctx); err != nil {
		return nil, err
	}
	group.Wait()
	for range cap(failed) {
		if err := <-failed; err != nil {
			return nil, err
		}
	}
	trace, err := os.Open(out)
	if err != nil {
		return nil, err
	}
	defer trace.Close()
	return disktest.Read(trace, filepath.Base(p.File))
}

// work commits so often, values of several sizes.
func work(ctx context.Context, o dstm.Object, r *rig.Rig, client, commits int) error {
	for n := range commits {
		if _, err := o.Update(ctx, func(tx *dstm.Tx) error {
			tx.Set(bytes.Repeat([]byte{byte(n)}, 1+r.Number(2000)), "blob", fmt.Sprint(r.Number(10)))
			tx.Add(1, nil, nil, "total")
			tx.Insert(dstm.Last(), client*1000+n, "list")
			return nil
		}); err != nil && !expected(err) {
			return fmt.Errorf("client %d, commit %d: %w", client, n, err)
		}
	}
	return nil
}

// powerCut judges files.
type powerCut struct {
	ctx     context.Context
	told    *spoken
	entries []dstm.Entry // what the server appended, all of it
	more    int          // files that held what nobody was told of yet
}

// verify judges one file; "" is none.
func (c *powerCut) verify(image string) error {
	if image == "" {
		if c.told.position > 0 {
			return fmt.Errorf("there is no file although position %d was told", c.told.position)
		}
		return nil
	}
	store, err := bolt.Open(image, nil)
	if err != nil {
		return err
	}
	defer store.Close()
	log, err := store.Log("main")
	if err != nil {
		return err
	}
	entries, err := dstmtest.Entries(c.ctx, log, 0)
	switch {
	case err != nil:
		return err
	case uint64(len(entries)) < c.told.position:
		return fmt.Errorf("the log ends at %d although position %d was told", len(entries), c.told.position)
	case uint64(len(entries)) > c.told.position:
		c.more++
	}
	for i, e := range entries {
		if i >= len(c.entries) || !bytes.Equal(e.Data, c.entries[i].Data) {
			return fmt.Errorf("entry %d is not what was appended", e.Position)
		}
	}
	return c.open(log)
}

// open has a store make something of the file, and the witness judge it.
func (c *powerCut) open(log dstm.Log) (err error) {
	objects, err := dstm.NewStore(log, rig.StoreOptions())
	if err != nil {
		return err
	}
	defer func() {
		if closed := objects.Close(c.ctx); err == nil {
			err = closed
		}
	}()
	var seen dstmtest.Recorder
	for _, name := range []string{"power/0", "power/1"} {
		o, err := objects.Open(c.ctx, name)
		if err != nil {
			return err
		}
		defer o.Close()
		if err := seen.See(o); err != nil {
			return err
		}
	}
	return seen.Check(c.ctx, log)
}
