package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	if name == "restore" {
		return runRestore()
	}
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

func runRestore() int {
	f, err := os.Open(os.Getenv("TREFOIL_BOLT_BACKUP"))
	if err == nil {
		err = Restore(os.Getenv("TREFOIL_BOLT_PATH"), struct{ io.Reader }{f}) // no call that copies inside of the kernel
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "restore", err)
		return 1
	}
	say("head 1") // there is a file from now on
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
		if round%4 == 1 {
			if err := saveGroup(l, head); err != nil {
				return err
			}
			say("pieces %d", head)
		}
		if round%8 == 7 {
			p, err := l.Load(ctx, "small")
			if err == nil {
				err = l.Truncate(ctx, p.Position)
			}
			if err != nil {
				return err
			}
			say("base %d", p.Position)
		}
	}
	return nil
}

// saveGroup saves pieces that must be there together or not at all, and removes the one that only the group before had.
func saveGroup(l dstm.Log, at dstm.Position) error {
	ctx := context.Background()
	before, err := l.Load(ctx, "small")
	if err != nil {
		return err
	}
	return l.Save(ctx, groupAt(at, before.Position))
}

// groupAt is the group of a position, when the one before it was saved at before.
func groupAt(at, before dstm.Position) []dstm.Piece {
	group := []dstm.Piece{
		{Key: "small", Position: at, Value: dataAt(at)},
		{Key: "large", Position: at, Value: largeAt(at)},
		{Key: onlyAt(at), Position: at, Value: []byte{}},
	}
	if before != at {
		group = append(group, dstm.Piece{Key: onlyAt(before), Position: at})
	}
	return group
}

func onlyAt(p dstm.Position) string { return fmt.Sprintf("only/%d", p) }

func largeAt(p dstm.Position) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "state at %d\n", p), 8000)
}

// step appends, and now and then saves too.
func step(l dstm.Log, head dstm.Position) (dstm.Position, error) {
	after, head := head, head+dstm.Position(sizeBehind(head))
	if _, err := l.Append(context.Background(), after, batchAt(after, sizeBehind(after))); err != nil {
		return after, err
	}
	say("head %d", head)
	if head%3 > 0 {
		return head, nil
	}
	if err := saveGroup(l, head); err != nil {
		return head, err
	}
	say("pieces %d", head)
	return head, nil
}

func appendForEver(l dstm.Log) error {
	head, err := l.Head(context.Background())
	for err == nil {
		head, err = step(l, head)
	}
	return err
}

// appendUntilError appends and saves until something fails and checks that the store then stays closed.
func appendUntilError(s *Store, l dstm.Log) error {
	ctx := context.Background()
	head, err := l.Head(ctx)
	for err == nil && head < 800 {
		head, err = step(l, head)
	}
	if err == nil {
		return errors.New("no commit failed")
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
	if err := wantClosed(nil, l.Save(ctx, []dstm.Piece{{Key: "small", Position: 1 << 40, Value: []byte("no")}})); err != nil {
		return fmt.Errorf("save after the failed one: %w", err)
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
