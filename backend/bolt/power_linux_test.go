package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
)

// TestPowerLoss rebuilds the files that a power cut could have left at any moment of a run, and opens each.
func TestPowerLoss(t *testing.T) {
	images, faults := powerLoss(t, "work", acknowledged.verifyOnly)
	if len(faults) > 0 {
		t.Fatalf("%d of %d files that a power cut could leave are bad, the first: %v", len(faults), images, faults[0])
	}
	t.Logf("%d files", images)
	if images < 300 {
		t.Errorf("only %d files were tried", images)
	}
}

// TestPowerLossFindsMissingSync shows that the test above can fail: without syncs acknowledged appends are lost.
func TestPowerLossFindsMissingSync(t *testing.T) {
	images, faults := powerLoss(t, "work", acknowledged.verifyOnly, "TREFOIL_BOLT_NOSYNC=1")
	if len(faults) == 0 {
		t.Fatalf("a store that does not sync survived %d power cuts", images)
	}
	t.Logf("%d of %d files are bad, the first: %v", len(faults), images, faults[0])
}

// TestPowerLossRestoring: a file that is being restored is there whole, verified and marked, or not at all.
func TestPowerLossRestoring(t *testing.T) {
	backup := filepath.Join(t.TempDir(), "backup")
	s := mustOpen(t, newPath(t))
	l := mustLog(t, s, "main")
	head, err := dstm.Position(0), error(nil)
	for err == nil && head < 50 {
		head, err = l.Append(ctx, head, batchAt(head, sizeBehind(head)))
	}
	if err = errors.Join(err, saveGroup(l, head)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(backup)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Backup(ctx, f)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	images, faults := powerLoss(t, "restore", func(_ acknowledged, image string) error {
		if _, err := (acknowledged{head: head, pieces: head}).verify(image); err != nil {
			return err
		}
		s, err := Open(image, nil)
		if err != nil {
			return err
		}
		defer s.Close()
		if mark, err := mustLog(t, s, "main").Load(ctx, dstm.RestoredKey); err != nil || mark.Value == nil {
			return fmt.Errorf("the mark is %+v, %v", mark, err)
		}
		return nil
	}, "TREFOIL_BOLT_BACKUP="+backup)
	if len(faults) > 0 || images == 0 {
		t.Fatalf("%d of %d files that a power cut could leave are bad: %v", len(faults), images, faults)
	}
	t.Logf("%d files", images)
}

func powerLoss(t *testing.T, name string, verify func(said acknowledged, image string) error, env ...string) (images int, faults []error) {
	if testing.Short() {
		t.Skip("takes a second or more")
	}
	path := newPath(t)
	events := record(t, task(name, path, env...))
	seed := rand.Uint64()
	t.Logf("seed %d, %d system calls", seed, len(events))
	d := &disk{
		path: path, verify: verify, image: filepath.Join(t.TempDir(), "store"),
		random: rand.New(rand.NewPCG(seed, 0)), tried: map[uint64]bool{}, files: map[int][]byte{}, named: -1, seed: maphash.MakeSeed(),
	}
	for _, e := range events {
		// A cut is as late as possible before what makes more durable, and right behind what was acknowledged.
		if strings.HasPrefix(e.kind, "sync") {
			d.cut()
		}
		d.happen(e)
		if e.kind == "say" {
			d.cut()
		}
		if len(d.faults) >= 5 {
			break
		}
	}
	d.cut()
	if d.said.head == 0 || d.said.pieces == 0 || d.said.base == 0 {
		t.Logf("said: %+v", d.said)
	}
	return d.images, d.faults
}

// disk knows what is surely on the disk and what may be.
type disk struct {
	path, image string
	verify      func(said acknowledged, image string) error
	random      *rand.Rand
	seed        maphash.Seed
	files       map[int][]byte // by inode, what is surely there
	named       int            // the inode that surely has the store's name, or -1
	pending     []event        // any subset of these may be there too
	said        acknowledged
	tried       map[uint64]bool
	images      int
	faults      []error
}

func (d *disk) happen(e event) {
	var synced func(event) bool
	switch e.kind {
	case "say":
		d.said.hear(string(e.data))
		return
	case "sync":
		synced = func(p event) bool { return p.inode == e.inode && p.kind != "link" }
	case "syncfolder":
		synced = func(p event) bool { return p.kind == "link" }
	default:
		d.pending = append(d.pending, e)
		return
	}
	var left []event
	for _, p := range d.pending {
		if synced(p) {
			if p.kind == "link" && p.path == d.path {
				d.named = p.inode
			}
			d.files[p.inode] = p.applied(d.files[p.inode])
		} else {
			left = append(left, p)
		}
	}
	d.pending = left
}

// cut tries what the disk could hold now: every subset of few pending writes, some of many, and torn ones.
func (d *disk) cut() {
	n := len(d.pending)
	if n <= 3 {
		for set := range 1 << n {
			d.try(func(i int) bool { return set&(1<<i) != 0 }, false)
		}
	} else {
		d.try(func(int) bool { return false }, false)
		d.try(func(int) bool { return true }, false)
		for i := range n {
			d.try(func(j int) bool { return i == j }, false)
			if n > 12 {
				break
			}
		}
	}
	for range min(6, 2*n) {
		often := d.random.Float64()
		d.try(func(int) bool { return d.random.Float64() < often }, true)
	}
}

// try builds one file and checks it.
func (d *disk) try(included func(i int) bool, torn bool) {
	var events []event
	inode := d.named
	for i, e := range d.pending {
		if !included(i) {
			continue
		}
		if e.kind == "link" && e.path == d.path {
			inode = e.inode
		}
		if torn && e.kind == "write" && d.random.IntN(3) == 0 {
			events = append(events, d.tear(e)...)
			continue
		}
		events = append(events, e)
	}
	if inode < 0 { // the file is not there
		if d.said != (acknowledged{}) {
			d.faults = append(d.faults, errors.New("the file has no name although something was acknowledged"))
		}
		return
	}
	file := bytes.Clone(d.files[inode])
	for _, e := range events {
		if e.inode == inode {
			file = e.applied(file)
		}
	}
	key := maphash.Bytes(d.seed, fmt.Appendf(file[:len(file):len(file)], "%+v", d.said))
	if d.tried[key] {
		return
	}
	d.tried[key] = true
	d.images++
	err := os.WriteFile(d.image, file, 0o600)
	if err == nil {
		err = d.verify(d.said, d.image)
	}
	if err != nil {
		d.faults = append(d.faults, fmt.Errorf("%w (a file of %d bytes, %d writes pending, torn %v)", err, len(file), len(d.pending), torn))
	}
}

// tear keeps some sectors of a write.
func (d *disk) tear(e event) (kept []event) {
	const sector = 512
	for at := 0; at < len(e.data); at += sector {
		if d.random.IntN(2) == 0 {
			part := e
			part.offset += int64(at)
			part.data = e.data[at:min(at+sector, len(e.data))]
			kept = append(kept, part)
		}
	}
	return kept
}

func (e event) applied(file []byte) []byte {
	grow := func(size int64) {
		if size > int64(len(file)) {
			file = append(file, make([]byte, size-int64(len(file)))...)
		}
	}
	switch e.kind {
	case "write":
		grow(e.offset + int64(len(e.data)))
		copy(file[e.offset:], e.data)
	case "truncate":
		grow(e.size)
		file = file[:e.size]
	}
	return file
}
