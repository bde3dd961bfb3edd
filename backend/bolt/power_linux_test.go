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
)

// TestPowerLoss rebuilds the files that a power cut could have left at any moment of a run, and opens each.
func TestPowerLoss(t *testing.T) {
	images, faults := powerLoss(t)
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
	images, faults := powerLoss(t, "TREFOIL_BOLT_NOSYNC=1")
	if len(faults) == 0 {
		t.Fatalf("a store that does not sync survived %d power cuts", images)
	}
	t.Logf("%d of %d files are bad, the first: %v", len(faults), images, faults[0])
}

func powerLoss(t *testing.T, env ...string) (images int, faults []error) {
	if testing.Short() {
		t.Skip("takes a second or more")
	}
	path := newPath(t)
	events := record(t, task("work", path, env...))
	seed := rand.Uint64()
	t.Logf("seed %d, %d system calls", seed, len(events))
	d := &disk{
		path: path, image: filepath.Join(t.TempDir(), "store"),
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
	if d.said.head == 0 || d.said.snapshot == 0 || d.said.base == 0 {
		t.Logf("said: %+v", d.said)
	}
	return d.images, d.faults
}

// disk knows what is surely on the disk and what may be.
type disk struct {
	path, image string
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
		_, err = d.said.verify(d.image)
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
