package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// The test binary runs itself as another process with a task: to be killed, traced, or given errors by strace. It says on
// standard output what was acknowledged, one line per write so that a trace has them in order.

func task(name, path string, env ...string) []string {
	return append(env, "TREFOIL_BOLT_TASK="+name, "TREFOIL_BOLT_PATH="+path)
}

// command runs the test binary with a task, under whatever comes before it.
func command(t testing.TB, env []string, before ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := append(before, self)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0"), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

func runTask(name string) int {
	runtime.LockOSThread() // strace counts calls per thread
	h := hooks{allocSize: 64 << 10, noSync: os.Getenv("TREFOIL_BOLT_NOSYNC") != ""}
	s, err := open(os.Getenv("TREFOIL_BOLT_PATH"), nil, h)
	if err != nil {
		say("open failed: %v", err)
		return 0
	}
	l, err := s.Log("main")
	if err != nil {
		say("log failed: %v", err)
		return 0
	}
	switch name {
	case "work":
		err = work(l)
	case "append":
		err = appendForEver(l)
	case "fail":
		err = appendUntilError(s, l)
	default:
		err = errors.New("no such task")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, name, err)
		return 1
	}
	return 0
}

func say(format string, args ...any) {
	os.Stdout.WriteString(fmt.Sprintf(format, args...) + "\n")
}

// sizeBehind is how many entries the tasks append behind a position.
func sizeBehind(after dstm.Position) int { return int(after%7) + 1 }

// work does all that writes, in an order that never changes. What a reader sees counts as acknowledged too.
func work(l dstm.Log) error {
	ctx, cancel := context.WithCancel(context.Background())
	var reader sync.WaitGroup
	reader.Add(1)
	defer reader.Wait()
	defer cancel()
	go func() {
		defer reader.Done()
		for e, err := range l.Read(ctx, 0) {
			if err != nil {
				return // truncated before it was read
			}
			say("read %d", e.Position)
		}
	}()
	for round := 1; round <= 24; round++ {
		after, err := l.Head(ctx)
		if err != nil {
			return err
		}
		head, err := l.Append(ctx, after, batchAt(after, sizeBehind(after)))
		if err != nil {
			return err
		}
		say("head %d", head)
		if round%8 == 5 {
			if err := l.SaveSnapshot(ctx, head, bytes.NewReader(snapshotAt(head))); err != nil {
				return err
			}
			say("snapshot %d", head)
		}
		if round%8 == 7 {
			at, r, err := l.LoadSnapshot(ctx)
			if err != nil {
				return err
			}
			r.Close()
			if err := l.Truncate(ctx, at); err != nil {
				return err
			}
			say("base %d", at)
		}
	}
	return nil
}

func snapshotAt(p dstm.Position) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "snapshot at %d\n", p), 18000)
}

func appendForEver(l dstm.Log) error {
	ctx := context.Background()
	head, err := l.Head(ctx)
	for err == nil {
		if head, err = l.Append(ctx, head, batchAt(head, sizeBehind(head))); err == nil {
			say("head %d", head)
		}
	}
	return err
}

// appendUntilError appends until it fails and checks that the store then stays closed.
func appendUntilError(s *Store, l dstm.Log) error {
	ctx := context.Background()
	head, err := l.Head(ctx)
	for err == nil && head < 800 {
		if head, err = l.Append(ctx, head, batchAt(head, sizeBehind(head))); err == nil {
			say("head %d", head)
		}
	}
	if err == nil {
		return errors.New("no append failed")
	}
	if !errors.Is(err, dstm.ErrUncertain) || !status.OutcomeUnknown(err) || !errors.Is(err, status.Unavailable) {
		return fmt.Errorf("the commit failed with %v", err)
	}
	for _, after := range []dstm.Position{head, head + 1, 0} {
		if err := wantClosed(l.Append(ctx, after, batchAt(after, 1))); err != nil {
			return fmt.Errorf("append after the failed one: %w", err)
		}
	}
	if err := wantClosed(l.Head(ctx)); err != nil {
		return err
	}
	if err := wantClosed(s.Log("another")); err != nil {
		return err
	}
	for _, err := range l.Read(ctx, 0) {
		if err := wantClosed(0, err); err != nil {
			return err
		}
	}
	if err := s.Close(); err != nil {
		return fmt.Errorf("Close: %w", err)
	}
	say("failed")
	return nil
}

// wantClosed is nil if err says that the store is closed and nothing was done.
func wantClosed(_ any, err error) error {
	if !errors.Is(err, dstm.ErrLogClosed) || !errors.Is(err, status.Unavailable) || status.OutcomeUnknown(err) {
		return fmt.Errorf("got %v, want %s", err, dstm.ErrLogClosed)
	}
	return nil
}

// acknowledged is what a task has said.
type acknowledged struct{ head, snapshot, base dstm.Position }

// hear takes one line of what a task says.
func (a *acknowledged) hear(line string) {
	var what string
	var p dstm.Position
	if n, _ := fmt.Sscanf(line, "%s %d", &what, &p); n != 2 {
		return
	}
	switch what {
	case "head", "read":
		a.head = max(a.head, p)
	case "snapshot":
		a.snapshot = p
	case "base":
		a.base = p
	}
}

// verify opens the file of a task and checks that it holds everything that was acknowledged, only whole batches, and
// nothing that was never written. It returns the head.
func (a acknowledged) verify(path string) (head dstm.Position, err error) {
	s, err := Open(path, nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := s.Log("main")
	if err != nil {
		return 0, err
	}
	ctx := context.Background()
	if head, err = l.Head(ctx); err != nil {
		return 0, err
	}
	at, r, err := l.LoadSnapshot(ctx)
	if err != nil {
		return head, err
	}
	if head < a.head || at < a.snapshot {
		return head, fmt.Errorf("head %d, snapshot %d: acknowledged were %+v", head, at, a)
	}
	boundary := dstm.Position(0)
	for boundary < head {
		boundary += dstm.Position(sizeBehind(boundary))
	}
	if boundary != head {
		return head, fmt.Errorf("head %d is in the middle of a batch", head)
	}
	if r != nil {
		defer r.Close()
		var got bytes.Buffer
		if _, err := got.ReadFrom(r); err != nil || !bytes.Equal(got.Bytes(), snapshotAt(at)) {
			return head, fmt.Errorf("the snapshot at %d holds something else: %w", at, err)
		}
	}
	return head, verifyEntries(l, at, head)
}

func verifyEntries(l dstm.Log, after, head dstm.Position) error {
	if after == head {
		return nil
	}
	for e, err := range l.Read(context.Background(), after) {
		if err != nil {
			return err
		}
		if !bytes.Equal(e.Data, dataAt(e.Position)) {
			return fmt.Errorf("entry %d holds %.40q", e.Position, e.Data)
		}
		if e.Position == head {
			break
		}
	}
	return nil
}
