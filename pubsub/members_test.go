package pubsub

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/transport"
)

func memberRule(topic string) Rule {
	r := open(topic, 0)
	r.Members = true
	return r
}

// event takes the next member event.
func memberEvent(t *testing.T, ctx context.Context, f *MemberFeed) MemberEvent {
	t.Helper()
	for e, err := range f.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	t.Fatal("the feed ended")
	panic("unreachable")
}

func wantMember(t *testing.T, ctx context.Context, f *MemberFeed, c *client, joined bool) {
	t.Helper()
	if e := memberEvent(t, ctx, f); e.Member.Client != c.conn.ID() || e.Joined != joined {
		t.Fatalf("%+v; want client %v, joined %v", e, c.conn.ID(), joined)
	}
}

// nothing checks that no event comes within d of the bubble's time.
func nothing(t *testing.T, f *MemberFeed, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	for e, err := range f.All(ctx) {
		if err == nil {
			t.Fatalf("unexpected %+v", e)
		}
	}
}

func TestMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		auth := func(ctx context.Context, h *transport.Hello) (transport.Identity, error) {
			return transport.Identity{User: "user of " + h.Agent}, nil
		}
		w := newWorld(t, &HubOptions{Rules: []Rule{memberRule("a.*")}}, &transport.ServerOptions{Authenticate: auth})
		watcher, one, two := w.client(nil), w.client(asJSON), w.client(nil)
		ctx := t.Context()
		f, err := watcher.WatchMembers(ctx, "a.b")
		if err != nil {
			t.Fatal(err)
		}
		s1 := subscribe[int](t, ctx, one, "a.b")
		wantMember(t, ctx, f, one, true)
		time.Sleep(time.Second)
		s2 := subscribe[int](t, ctx, two, "a.b")
		wantMember(t, ctx, f, two, true)
		extra := subscribe[int](t, ctx, two, "a.b", Last(1)) // one more of the same client
		subscribe[int](t, ctx, watcher, "a.*")               // a wildcard makes no member

		list, err := watcher.Members(ctx, "a.b")
		if err != nil || len(list) != 2 || list[0].Client != one.conn.ID() || list[1].Client != two.conn.ID() {
			t.Fatalf("members %+v, %v", list, err)
		}
		if !strings.HasPrefix(list[0].User, "user of ") || !list[0].Since.Before(list[1].Since) {
			t.Errorf("members %+v", list)
		}
		if here, err := w.hub.Members(ctx, "a.b"); err != nil || len(here) != 2 {
			t.Errorf("on the hub: %+v, %v", here, err)
		}

		extra.Close()
		nothing(t, f, time.Second)
		s2.Close()
		wantMember(t, ctx, f, two, false)

		// Back within the grace period: nobody notices.
		one.dialer.cut()
		nothing(t, f, time.Minute)
		// Gone for longer: one leave after the grace period, one join on coming back.
		one.dialer.setDown(true)
		one.dialer.cut()
		nothing(t, f, 9*time.Second)
		wantMember(t, ctx, f, one, false)
		if list, _ := watcher.Members(ctx, "a.b"); len(list) != 0 {
			t.Errorf("members %+v", list)
		}
		one.dialer.setDown(false)
		wantMember(t, ctx, f, one, true)

		// A watcher that was away sees the difference.
		watcher.dialer.setDown(true)
		watcher.dialer.cut()
		time.Sleep(time.Second)
		s1.Close()
		s3 := subscribe[int](t, ctx, two, "a.b")
		watcher.dialer.setDown(false)
		got := map[transport.ID]bool{}
		for range 2 {
			e := memberEvent(t, ctx, f)
			got[e.Member.Client] = e.Joined
		}
		if len(got) != 2 || got[one.conn.ID()] || !got[two.conn.ID()] {
			t.Errorf("after the watcher came back: %v", got)
		}
		s3.Close()
		wantMember(t, ctx, f, two, false)
		f.Close()
		for e, err := range f.All(ctx) {
			t.Errorf("a closed feed yields %v, %v", e, err)
		}
		l := w.hub.byRule[0]
		synctest.Wait()
		l.mu.Lock()
		if len(l.presence) != 0 {
			t.Errorf("%d rosters are left", len(l.presence))
		}
		l.mu.Unlock()
	})
}

func TestMembersDenied(t *testing.T) {
	w := rules(t, open("plain", 0), memberRule("m"), Rule{Topic: "closed", Members: true})
	c := w.client(nil)
	for topic, want := range map[string]error{"plain": ErrNoMembers, "m": nil, "closed": ErrDenied, "none": ErrDenied, "a.*": ErrBadTopic} {
		if _, err := c.Members(w.ctx, topic); want == nil && err != nil || !errors.Is(err, want) {
			t.Errorf("members of %s: %v", topic, err)
		}
		f, err := c.WatchMembers(w.ctx, topic)
		if want == nil && err != nil || !errors.Is(err, want) {
			t.Errorf("watching %s: %v", topic, err)
		}
		if err == nil {
			f.Close()
		}
	}
}

// TestSlowWatcher: one without room gets the list instead of the events it missed.
func TestSlowWatcher(t *testing.T) {
	r := memberRule("a.*")
	w := slowWorld(t, r)
	slow, d := w.gated(false)
	f, err := slow.WatchMembers(w.ctx, "a.b")
	if err != nil {
		t.Fatal(err)
	}
	subscribe[filled](t, w.ctx, slow, "a.fill", Buffer(4))
	d.last.stop()
	for i := range int64(slowMessages) {
		publish(t, w.ctx, w.hub, "a.fill", filled{i, filling})
	}
	c := w.client(nil)
	subscribe[int](t, w.ctx, c, "a.b")
	d.last.start()
	wantMember(t, w.ctx, f, c, true)
}

// TestStaleGraceTimer: a timer whose goroutine was already on its way when the client came back ends nothing, also if
// the client has gone again meanwhile, under another timer.
func TestStaleGraceTimer(t *testing.T) {
	w := newWorld(t, &HubOptions{Rules: []Rule{memberRule("a.*")}, MemberGrace: time.Hour}, nil)
	c := w.client(nil)
	sub := subscribe[int](t, w.ctx, c, "a.b")
	defer sub.Close()
	l := w.hub.byRule[0]
	l.mu.Lock()
	var s *subscription
	for _, p := range l.ports {
		for _, s = range p.subs {
		}
	}
	p := l.presence["a.b"].present[c.conn.ID()]
	l.leave(s, true)
	stale := p.timer
	l.join(s)
	l.mu.Unlock()
	here := func(when string, want int) {
		t.Helper()
		if list, err := w.hub.Members(w.ctx, "a.b"); err != nil || len(list) != want {
			t.Fatalf("%s: %v, %v", when, list, err)
		}
	}
	l.graceOver("a.b", p, &stale)
	here("back", 1)
	l.mu.Lock()
	l.leave(s, true)
	last := p.timer
	l.mu.Unlock()
	l.graceOver("a.b", p, &stale)
	here("gone again, but not for long", 1)
	l.graceOver("a.b", p, &last)
	here("gone for too long", 0)
	l.graceOver("a.b", p, &last) // twice is harmless
	l.mu.Lock()
	l.join(s) // for what ends it
	l.mu.Unlock()
}
