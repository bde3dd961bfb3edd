package dstm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

// script publishes steps to a feed of which one consumer with prefix listens, and returns what
// it got as short words. The consumer starts before the first step and sees all of it.
func script(t *testing.T, prefix Path, run func(f *feed, root *tree.Node)) (got []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(world.Real)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for c, err := range f.changes(context.Background(), prefix) {
				if err != nil {
					got = append(got, "error")
					return
				}
				got = append(got, fmt.Sprintf("%s %x>%x v%d o%d", c.Path, c.Old, c.New, c.Version, c.Origin))
			}
		}()
		synctest.Wait()
		run(f, &tree.Node{})
		f.close(status.New(status.Unavailable, ErrClosed, "closed"))
		<-done
	})
	return got
}

func set(t *testing.T, root *tree.Node, n int64, version uint64, path ...string) *tree.Node {
	t.Helper()
	out, err := root.Set(path, codec.AppendInt(nil, n), nil, version)
	if err != nil {
		t.Fatal(err)
	}
	return &out
}

func TestChangesFollowThePrefix(t *testing.T) {
	got := script(t, Path{"lots"}, func(f *feed, root *tree.Node) {
		a := set(t, root, 1, 1, "lots", "a")
		f.publish(root, a, 1, Remote, []Path{{"lots", "a"}})
		b := set(t, a, 2, 2, "else")
		f.publish(a, b, 2, Remote, []Path{{"else"}})
		c := set(t, b, 3, 3, "lots", "a")
		f.publish(b, c, 3, Mine, []Path{{"lots", "a"}, {"lots", "a"}})
		d, _ := c.Delete(Path{"lots"}, 4)
		f.publish(c, &d, 4, Rollback, []Path{{"lots"}})
	})
	want := []string{"lots >81a16101 v1 o0", "lots/a 01>03 v3 o1", "lots 81a16103> v4 o2", "error"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAWriteAboveThePrefixShows(t *testing.T) {
	got := script(t, Path{"a", "b"}, func(f *feed, root *tree.Node) {
		one := set(t, root, 1, 1, "a", "b")
		f.publish(root, one, 1, Remote, nil)
		two, _ := one.Set(Path{"a"}, codec.AppendInt(codec.AppendString(codec.AppendMap(nil, 1), "b"), 2), nil, 2)
		f.publish(one, &two, 2, Remote, []Path{{"a"}, {"a", "b"}})
		three, _ := two.Set(Path{"a"}, codec.AppendInt(codec.AppendString(codec.AppendMap(nil, 1), "b"), 2), nil, 3)
		f.publish(&two, &three, 3, Remote, []Path{{"a"}})
	})
	want := []string{"a/b >01 v1 o0", "a/b 01>02 v2 o0", "error"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A consumer that does nothing while thousands of changes pass gets one Reset from what it last saw
// to the latest, and memory stays bounded.
func TestASlowConsumerIsFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(world.Real)
		ctx, cancel := context.WithCancel(t.Context())
		var got []Change
		hold, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for c := range f.changes(ctx, Path{"n"}) {
				got = append(got, c)
				<-hold
			}
		}()
		synctest.Wait()
		root := &tree.Node{}
		for i := range int64(3 * maxQueued) {
			next := set(t, root, i, uint64(i+1), "n")
			f.publish(root, next, uint64(i+1), Remote, []Path{{"n"}})
			root = next
			if i == 0 {
				synctest.Wait() // the consumer takes the first and then hangs
			}
		}
		close(hold)
		synctest.Wait()
		if len(got) != 2 || got[1].Origin != Reset || got[1].Version != 3*maxQueued {
			t.Fatalf("got %d changes, the last %+v", len(got), got[len(got)-1])
		}
		if !codec.Equal(got[0].New, got[1].Old) || !codec.Equal(got[1].New, codec.AppendInt(nil, 3*maxQueued-1)) {
			t.Errorf("the fold goes from %x to %x", got[1].Old, got[1].New)
		}
		cancel()
		<-done
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(world.Real)
		version := uint64(0)
		result := make(chan error, 1)
		go func() { result <- f.wait(t.Context(), func() bool { return version >= 2 }) }()
		synctest.Wait()
		for range 2 {
			f.mu.Lock()
			version++
			f.mu.Unlock()
			f.publish(&tree.Node{}, &tree.Node{}, version, Remote, nil)
			synctest.Wait()
		}
		if err := <-result; err != nil {
			t.Fatal(err)
		}
		go func() { result <- f.wait(t.Context(), func() bool { return false }) }()
		synctest.Wait()
		f.close(status.New(status.Unavailable, ErrClosed, "closed"))
		if err := <-result; !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
	})
}

// A write that creates the maps on its way is told as the highest of them, and so is that they go again when it is taken
// back: whoever folds the changes holds what the object does.
func TestMapsThatComeAndGoWithAWrite(t *testing.T) {
	got := script(t, nil, func(f *feed, root *tree.Node) {
		one := set(t, root, 1, 1, "a")
		f.publish(root, one, 1, Remote, []Path{{"a"}})
		deep := set(t, set(t, one, 2, 2, "m", "n", "k"), 3, 2, "m", "l")
		paths := []Path{{"m", "n", "k"}, {"m", "l"}}
		f.publish(one, deep, 1, Mine, paths)
		f.publish(deep, one, 1, Rollback, paths)
		leaf := set(t, one, 4, 2, "m")
		f.publish(deep, leaf, 2, Remote, []Path{{"m", "n", "k"}})
	})
	want := []string{"a >01 v1 o0", "m >82a16c03a16e81a16b02 v1 o1", "m 82a16c03a16e81a16b02> v1 o2", "m 82a16c03a16e81a16b02>04 v2 o0", "error"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What a consumer has not taken when its context ends it does not get.
func TestChangesEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := newFeed(world.Real)
		got, hold, done := 0, make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for range f.changes(ctx, nil) {
				got++
				<-hold
			}
		}()
		synctest.Wait()
		root := &tree.Node{}
		for i := range int64(3) {
			next := set(t, root, i, uint64(i+1), "n")
			f.publish(root, next, uint64(i+1), Remote, []Path{{"n"}})
			root = next
			synctest.Wait() // the consumer takes the first and then hangs
		}
		cancel()
		close(hold)
		<-done
		if got != 1 {
			t.Errorf("got %d changes", got)
		}
	})
}
