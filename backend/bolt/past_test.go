package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
)

// archive is a site whose clock goes one second with each commit, and an object that counts its versions.
type archive struct {
	*site
	meter   *meter
	clock   atomic.Int64 // in seconds
	guest   *guest
	object  dstm.Object
	present uint64
}

func newArchive(t *testing.T, opts dstm.StoreOptions) *archive {
	a := &archive{}
	a.clock.Store(1_800_000_000)
	opts.Clock = func() time.Time { return time.Unix(a.clock.Load(), 0) }
	a.site = newSite(t, opts)
	a.wrap = func(log dstm.Log) dstm.Log {
		next := &meter{Log: log}
		if a.meter != nil {
			next.base.Store(a.meter.base.Load())
		}
		a.meter = next
		return next
	}
	return a
}

// commit makes so many versions, and with each a version of another object.
func (a *archive) commit(versions int) {
	a.t.Helper()
	beside := a.guest.open("beside")
	defer beside.Close()
	for range versions {
		a.present++
		a.clock.Add(1)
		author := dstm.Metadata(map[string]string{"version": fmt.Sprint(a.present)})
		c, err := a.object.Update(a.ctx, func(tx *dstm.Tx) error { total.Set(tx, int64(a.present)); return nil }, author)
		if err != nil || c.Version != a.present {
			a.t.Fatalf("%+v: %v", c, err)
		}
		mustUpdate(a.t, a.site, beside, raise(1))
	}
}

// oldest is the first version from which on all states can be had. They are checked, and so is the history behind it.
func (a *archive) oldest() uint64 {
	a.t.Helper()
	a.meter.still.Lock()
	defer a.meter.still.Unlock()
	return a.reached()
}

func (a *archive) reached() uint64 {
	a.t.Helper()
	oldest := a.present
	for version := a.present; version > 0; version-- {
		var n int64
		err := a.object.ViewAt(a.ctx, version, func(tx *dstm.Tx) error { n = total.Get(tx); return nil })
		if errors.Is(err, dstm.ErrHistory) {
			break
		}
		if err != nil || n != int64(version) {
			a.t.Fatalf("at version %d there is %d: %v", version, n, err)
		}
		oldest = version
	}
	next := oldest
	for r, err := range a.object.History(a.ctx, oldest, 0) {
		if err != nil {
			a.t.Fatal(err)
		}
		next++
		last := r.Changes[len(r.Changes)-1]
		if r.Version != next || r.Metadata["version"] != fmt.Sprint(next) || last.Path.String() != "total" || r.Client.String() == "" {
			a.t.Fatalf("in place of version %d there is %+v", next, r)
		}
	}
	if next != a.present {
		a.t.Fatalf("the history from %d ends at %d of %d", oldest, next, a.present)
	}
	if oldest > 1 {
		for _, err := range a.object.History(a.ctx, oldest-1, 0) {
			if !errors.Is(err, dstm.ErrHistory) {
				a.t.Errorf("the history begins at %d: %v", oldest, err)
			}
			break
		}
	}
	return oldest
}

// restart closes everything and opens the file at path.
func (a *archive) restart(path string) {
	a.t.Helper()
	a.guest.line.cut()
	a.stop()
	a.start(path)
	a.guest.back()
	a.settle(a.object)
}

// TestPast: states and history reach as far back as the log, at least so many bytes of it, also behind a restart and in a restored
// backup, and what lies before is told to be gone.
func TestPast(t *testing.T) {
	const keep = 20_000
	a := newArchive(t, dstm.StoreOptions{CheckpointEntries: 40, KeepBytes: keep, Recent: 1_000})
	path := newPath(t)
	a.start(path)
	a.guest = a.site.guest()
	a.object = a.guest.open("o")
	a.commit(10)
	if n := a.oldest(); n != 1 {
		t.Errorf("of a log that holds all, the oldest is %d", n)
	}
	for a.meter.base.Load() == 0 || a.present < 200 {
		a.commit(30)
	}
	checkReach(a, keep)
	a.restart(path)
	checkReach(a, keep)
	a.commit(100)
	checkReach(a, keep)

	var backup bytes.Buffer
	a.meter.still.Lock()
	before := a.reached()
	_, err := a.file.Backup(a.ctx, &backup)
	a.meter.still.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	restored := newPath(t)
	if err := bolt.Restore(restored, &backup); err != nil {
		t.Fatal(err)
	}
	a.restart(restored)
	if n := a.oldest(); n != before {
		t.Errorf("restored, the oldest is %d; it was %d", n, before)
	}
	a.commit(10)
	a.oldest()
}

// checkReach checks that the past reaches as far back as the log, and that the log holds enough and not all.
func checkReach(a *archive, keep int) {
	a.t.Helper()
	a.meter.still.Lock()
	defer a.meter.still.Unlock()
	oldest := a.reached()
	base, size := a.begins()
	first := uint64(0)
	for r, err := range a.object.History(a.ctx, oldest, 0) {
		if err != nil {
			a.t.Fatal(err)
		}
		first = uint64(r.Position)
		break
	}
	a.t.Logf("version %d: the log begins behind %d and has %d bytes, the past begins with version %d at %d", a.present, base, size, oldest, first)
	if size < keep || first > uint64(base)+2 {
		a.t.Errorf("the log has %d bytes from %d, the past begins at %d", size, base, first)
	}
}

// begins is the position behind which the log begins, and how many bytes of entries it has.
func (a *archive) begins() (base dstm.Position, size int) {
	a.t.Helper()
	base = dstm.Position(a.meter.base.Load())
	for {
		entries, err := dstmtest.Entries(a.ctx, a.log, base)
		if errors.Is(err, dstm.ErrTruncated) { // by a process that ended before it was told
			base++
			continue
		}
		if err != nil {
			a.t.Fatal(err)
		}
		for _, e := range entries {
			size += len(e.Data)
		}
		return base, size
	}
}

// TestPastByAge: entries stay while they are younger than KeepAge, and go when they are not, at a checkpoint.
func TestPastByAge(t *testing.T) {
	a := newArchive(t, dstm.StoreOptions{CheckpointEntries: 20, KeepBytes: 1, KeepAge: time.Minute, Recent: 1_000})
	path := newPath(t)
	a.start(path)
	a.guest = a.site.guest()
	a.object = a.guest.open("o")
	a.commit(150)
	if n := a.oldest(); n > a.present-59 {
		t.Errorf("the last minute made the versions up to %d; of them %d is the oldest", a.present, n)
	}
	a.restart(path)
	if n := a.oldest(); n > a.present-59 {
		t.Errorf("after a restart %d is the oldest of %d", n, a.present)
	}
	a.clock.Add(3600)
	before := a.present
	for a.meter.base.Load() < int64(2*before)-40 {
		a.commit(10)
	}
	if n := a.oldest(); n < before-30 {
		t.Errorf("after an hour %d is still there, of %d", n, before)
	}
	if err := a.object.ViewAt(a.ctx, a.present+1, func(*dstm.Tx) error { return nil }); !errors.Is(err, dstm.ErrHistory) {
		t.Errorf("a version that never was: %v", err)
	}
	for _, err := range a.object.History(context.WithoutCancel(a.ctx), 1, 0) {
		if !errors.Is(err, dstm.ErrHistory) {
			t.Errorf("what is gone: %v", err)
		}
	}
}
