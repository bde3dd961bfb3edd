package disktest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
)

// Disk goes through what a process did and rebuilds the files that power cuts could have left.
type Disk struct {
	// Path is the file's, as the process knew it.
	Path string
	// Image is where rebuilt files are put, one after another.
	Image string
	// Random chooses subsets and torn writes.
	Random *rand.Rand
	// Hear takes what the process says, and reports whether anything was acknowledged by it that was not before.
	Hear func(e Event) bool
	// Verify judges a rebuilt file, which it may change; "" stands for no file at all. Whatever was acknowledged must be there.
	Verify func(image string) error
	// Often is how many cuts of all are tried, 0 to 1; 0 means all.
	Often float64

	// Images counts the files that were tried, no two alike with the same acknowledged.
	Images int
	// Faults are what Verify said of bad files, five at most.
	Faults []error

	files   map[int][]byte // what is surely there
	named   int            // the file that surely has the path, 0 if none
	pending []Event        // any subset of these may be there too
	heard   uint64
	tried   map[uint64]bool
	seed    maphash.Seed
}

// Replay goes through the events. A cut is as late as possible before what makes more durable, and right behind what was
// acknowledged.
func (d *Disk) Replay(events []Event) {
	d.files, d.tried, d.seed = map[int][]byte{}, map[uint64]bool{}, maphash.MakeSeed()
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case Sync, SyncFolder:
			d.maybeCut()
			d.synced(e)
		case Say:
			if d.Hear(*e) {
				d.heard++
				d.maybeCut()
			}
		default:
			d.pending = append(d.pending, *e)
		}
		if len(d.Faults) >= 5 {
			return
		}
	}
	d.cut()
}

// synced makes sure of what a sync is about.
func (d *Disk) synced(e *Event) {
	var left []Event
	for i := range d.pending {
		p := &d.pending[i]
		switch {
		case e.Kind == SyncFolder && p.Kind == Link:
			if p.Path == d.Path {
				d.named = p.File
			}
		case e.Kind == Sync && p.Kind != Link && p.File == e.File:
			d.files[p.File] = p.applied(d.files[p.File])
		default:
			left = append(left, *p)
		}
	}
	d.pending = left
}

func (d *Disk) maybeCut() {
	if d.Often == 0 || d.Random.Float64() < d.Often {
		d.cut()
	}
}

// cut tries what the disk could hold now: every subset of few pending events, some of many, and torn writes.
func (d *Disk) cut() {
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
		often := d.Random.Float64()
		d.try(func(int) bool { return d.Random.Float64() < often }, true)
	}
}

// try builds one file and has it judged.
func (d *Disk) try(included func(i int) bool, torn bool) {
	var events []Event
	named := d.named
	for i := range d.pending {
		e := d.pending[i]
		if !included(i) {
			continue
		}
		if e.Kind == Link && e.Path == d.Path {
			named = e.File
		}
		if torn && e.Kind == Write && d.Random.IntN(3) == 0 {
			events = append(events, d.tear(e)...)
			continue
		}
		events = append(events, e)
	}
	if named == 0 {
		if err := d.Verify(""); err != nil {
			d.Faults = append(d.Faults, err)
		}
		return
	}
	file := bytes.Clone(d.files[named])
	for i := range events {
		if events[i].File == named {
			file = events[i].applied(file)
		}
	}
	key := maphash.Bytes(d.seed, binary.BigEndian.AppendUint64(file[:len(file):len(file)], d.heard))
	if d.tried[key] {
		return
	}
	d.tried[key] = true
	d.Images++
	err := os.WriteFile(d.Image, file, 0o600)
	if err == nil {
		err = d.Verify(d.Image)
	}
	if err != nil {
		d.Faults = append(d.Faults, fmt.Errorf("%w (a file of %d bytes, %d events not synced, torn %v)", err, len(file), len(d.pending), torn))
	}
}

// tear keeps some sectors of a write.
func (d *Disk) tear(e Event) (kept []Event) {
	const sector = 512
	for at := 0; at < len(e.Data); at += sector {
		if d.Random.IntN(2) == 0 {
			part := e
			part.Offset += int64(at)
			part.Data = e.Data[at:min(at+sector, len(e.Data))]
			kept = append(kept, part)
		}
	}
	return kept
}
