package child_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/internal/leak"
)

func TestMain(m *testing.M) {
	child.Serving(map[string]child.Role{
		"good": func() ([]string, map[string]child.Command, error) {
			return []string{"here", "there"}, map[string]child.Command{
				"twice": func(a string) (string, error) { return a + a, nil },
				"fail":  func(string) (string, error) { return "", errors.New("it\nfails") },
			}, nil
		},
		"bad": func() ([]string, map[string]child.Command, error) { return nil, nil, errors.New("it cannot start") },
	})
	leak.Main(m)
}

func TestProcess(t *testing.T) {
	p, err := child.Start(context.Background(), child.Spec{Role: "good"})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Addresses) != 2 || p.Addresses[1] != "there" {
		t.Errorf("its addresses are %q", p.Addresses)
	}
	if got, err := p.Do("twice a b"); got != "a ba b" || err != nil {
		t.Errorf("twice says %q, %v", got, err)
	}
	if _, err := p.Do("fail"); err == nil || !strings.Contains(err.Error(), "it; fails") {
		t.Errorf("a command that fails says %v", err)
	}
	if _, err := p.Do("unknown"); err == nil {
		t.Error("an unknown command is answered")
	}
	if _, err := p.Do("gc"); err != nil {
		t.Error(err)
	}
	var m child.Memory
	if err := p.DoJSON("memory", &m); err != nil || m.Used < 64<<10 {
		t.Errorf("it takes %d bytes (%v)", m.Used, err)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if err := syscall.Kill(p.PID(), 0); err == nil {
		t.Error("the process is still there")
	}
}

func TestStartFails(t *testing.T) {
	for _, c := range []struct {
		spec child.Spec
		want string
	}{
		{child.Spec{Role: "bad"}, "it cannot start"},
		{child.Spec{Role: "no such role"}, "there is no such role"},
		{child.Spec{Command: []string{"/does/not/exist"}}, "no such file"},
		{child.Spec{Command: []string{os.Args[0], "-test.run=^$"}, Silent: true, Listening: func(ctx context.Context) error {
			<-ctx.Done() // it ends before it ever listens
			return ctx.Err()
		}}, "it ended"},
	} {
		if _, err := child.Start(context.Background(), c.spec); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.spec.Role, err, c.want)
		}
	}
}

// TestKilled: a process that is killed is noticed at the next command.
func TestKilled(t *testing.T) {
	p, err := child.Start(context.Background(), child.Spec{Role: "good"})
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Do("twice a"); err == nil {
		t.Error("a dead process answers")
	}
	if err := p.Stop(); err == nil {
		t.Error("it is said to have ended well")
	}
}
