package main

import (
	"context"
	"os"
	"testing"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/commit"
)

func TestMain(m *testing.M) {
	child.Serving(roles)
	os.Exit(m.Run())
}

// TestCommits: a handful of commits, by clients in a process of their own.
func TestCommits(t *testing.T) {
	ctx := context.Background()
	server, err := child.Start(ctx, child.Spec{Role: "server", Env: []string{dirVariable + "=" + t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	load, err := child.Start(ctx, child.Spec{Role: "load", Env: []string{addressVariable + "=" + server.Addresses[0]}})
	if err != nil {
		t.Fatal(err)
	}
	defer load.Stop()
	for range 2 {
		var o commit.Outcome
		if err := load.DoJSON("run 3 0", &o); err != nil || o.Ops != 3 {
			t.Errorf("%+v, %v", o, err)
		}
	}
}
