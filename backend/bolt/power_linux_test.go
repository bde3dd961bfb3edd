package bolt

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/disktest"
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
	var said acknowledged
	d := &disktest.Disk{
		Path: path, Image: filepath.Join(t.TempDir(), "store"), Random: rand.New(rand.NewPCG(seed, 0)),
		Hear: func(e disktest.Event) bool {
			before := said
			said.hear(string(e.Data))
			return said != before
		},
		Verify: func(image string) error {
			switch {
			case image != "":
				return verify(said, image)
			case said != (acknowledged{}):
				return errors.New("the file has no name although something was acknowledged")
			}
			return nil
		},
	}
	d.Replay(events)
	if said.head == 0 || said.pieces == 0 || said.base == 0 {
		t.Logf("said: %+v", said)
	}
	return d.Images, d.Faults
}

// record runs a task under strace and returns what it did, in order.
func record(t *testing.T, env []string) []disktest.Event {
	t.Helper()
	out := filepath.Join(t.TempDir(), "trace")
	if err := command(t, env, disktest.Recording(needStrace(t), out)...).Run(); err != nil {
		t.Fatalf("the traced task: %v", err)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	events, err := disktest.Read(f, "store")
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// needStrace finds strace. Only continuous integration insists on it.
func needStrace(t *testing.T) string {
	t.Helper()
	path, err := disktest.Strace()
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	return path
}
