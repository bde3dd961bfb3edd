package clustertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

func joinTwice(ctx context.Context, c transport.Cluster) error {
	n, err := join(ctx, c)
	if err != nil {
		return err
	}
	defer n.Leave(ctx)
	_, err = joinWith(ctx, c, n.id, nil)
	return errors.Join(expect("Join", err, transport.ErrNodeExists), expect("Join", err, status.AlreadyExists))
}

func leave(ctx context.Context, c transport.Cluster) error {
	nodes, leaveAll, err := joinAll(ctx, c, 2)
	if err != nil {
		return err
	}
	defer leaveAll()
	gone, stays := nodes[0], nodes[1:]
	r, err1 := gone.open(ctx, "")
	kept, err2 := stays[0].open(ctx, "")
	if err := errors.Join(err1, err2, gone.Leave(ctx)); err != nil {
		return err
	}
	select {
	case <-gone.Done():
	default:
		return errors.New("the channel of Done is open after Leave")
	}
	_, listed := gone.list(ctx, all)
	err = errors.Join(
		wants(ctx, stays, all, kept),
		expect("SendTo a session of a node that left", stays[0].SendTo(ctx, r.Session, nil), transport.ErrNoSession),
		expect("Register after Leave", gone.Register(ctx, r), transport.ErrNotMember),
		expect("SendTo after Leave", gone.SendTo(ctx, kept.Session, nil), transport.ErrNotMember),
		expect("Sessions after Leave", listed, transport.ErrNotMember),
		gone.Leave(ctx),
	)
	if err != nil {
		return err
	}
	again, err := joinWith(ctx, c, gone.id, nil)
	if err != nil {
		return fmt.Errorf("after Leave: %w", err)
	}
	defer again.Leave(ctx)
	return wants(ctx, append(stays, again), all, kept)
}

func leaveWaits(ctx context.Context, c transport.Cluster) error {
	entered, proceed := make(chan struct{}), make(chan struct{})
	first := true
	n, err := joinWith(ctx, c, transport.NewID(), func(event) {
		if first {
			first = false
			close(entered)
		}
		<-proceed
	})
	if err != nil {
		return err
	}
	r, err := n.open(ctx, "")
	if err == nil {
		err = errors.Join(n.SendTo(ctx, r.Session, nil), n.SendTo(ctx, r.Session, nil))
	}
	if err != nil {
		close(proceed)
		return err
	}
	<-entered
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	err = expect("Leave while the handler runs", n.Leave(short), status.DeadlineExceeded)
	close(proceed)
	if err = errors.Join(err, n.Leave(ctx)); err != nil {
		return err
	}
	if got := len(n.seen()); got != 1 {
		return fmt.Errorf("the handler ended %d calls when Leave returned, want 1 and no more", got)
	}
	return nil
}

func canceled(ctx context.Context, c transport.Cluster) error {
	nodes, leaveAll, err := joinAll(ctx, c, 1)
	if err != nil {
		return err
	}
	defer leaveAll()
	r, err := nodes[0].open(ctx, "")
	if err != nil {
		return err
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, joined := join(over, c)
	_, listed := nodes[0].list(over, all)
	return errors.Join(
		expect("Join", joined, status.Canceled),
		expect("Register", nodes[0].Register(over, r), status.Canceled),
		expect("Unregister", nodes[0].Unregister(over, r.Session), status.Canceled),
		expect("SendTo", nodes[0].SendTo(over, r.Session, nil), status.Canceled),
		expect("Sessions", listed, status.Canceled),
		wants(ctx, nodes, all, r),
	)
}

// renewed checks that a node which lives keeps its lease.
func renewed(ctx context.Context, c transport.Cluster) error {
	nodes, leaveAll, err := joinAll(ctx, c, 2)
	if err != nil {
		return err
	}
	defer leaveAll()
	r, err := nodes[0].open(ctx, "")
	if err != nil {
		return err
	}
	end := time.Now().Add(3 * c.(Crasher).Lease())
	for time.Now().Before(end) {
		if err := wants(ctx, nodes, all, r); err != nil {
			return err
		}
		select {
		case <-nodes[0].Done():
			return errors.New("a node that lives lost its lease")
		case <-time.After(c.(Crasher).Lease() / 10):
		}
	}
	return nil
}

func crashed(ctx context.Context, c transport.Cluster) error {
	nodes, leaveAll, err := joinAll(ctx, c, 2)
	if err != nil {
		return err
	}
	defer leaveAll()
	dead, lives := nodes[0], nodes[1]
	r, err1 := dead.open(ctx, "")
	kept, err2 := lives.open(ctx, "")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	lease := c.(Crasher).Lease()
	begin := time.Now()
	c.(Crasher).Crash(dead.id)
	limit := begin.Add(lease + lease/2 + time.Second) // slack for a busy machine and the way to a service
	for {
		found, err := lives.list(ctx, all)
		if err != nil {
			return err
		}
		if _, ok := found[kept.Session]; !ok {
			return errors.New("the session of a node that lives went with the crashed one")
		}
		if len(found) == 1 {
			break
		}
		if time.Now().After(limit) {
			return fmt.Errorf("a crashed node's session is known after %v, the lease is %v", time.Since(begin), lease)
		}
		time.Sleep(lease / 20)
	}
	err = expect("SendTo a crashed node", lives.SendTo(ctx, r.Session, nil), transport.ErrNoSession)
	if err := errors.Join(err, lives.Register(ctx, r)); err != nil {
		return err
	}
	again, err := joinWith(ctx, c, dead.id, nil)
	if err != nil {
		return fmt.Errorf("after the lease: %w", err)
	}
	defer again.Leave(ctx)
	if got := len(dead.seen()); got > 0 {
		return fmt.Errorf("the crashed node's handler was called %d times", got)
	}
	return nil
}
