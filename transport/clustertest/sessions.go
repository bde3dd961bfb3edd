package clustertest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

var all transport.SessionFilter

func register(ctx context.Context, c transport.Cluster) error {
	nodes, leave, err := joinAll(ctx, c, 3)
	if err != nil {
		return err
	}
	defer leave()
	if err := wants(ctx, nodes, all); err != nil {
		return err
	}
	var records []transport.SessionRecord
	for i, n := range nodes {
		r, err := n.open(ctx, fmt.Sprint("user", i))
		if err != nil {
			return err
		}
		records = append(records, r)
		// At once, on every node.
		if err := wants(ctx, nodes, all, records...); err != nil {
			return err
		}
	}
	return nil
}

func replace(ctx context.Context, c transport.Cluster) error {
	nodes, leave, err := joinAll(ctx, c, 2)
	if err != nil {
		return err
	}
	defer leave()
	r, err := nodes[0].open(ctx, "before")
	if err != nil {
		return err
	}
	r.User, r.Node = "after", nodes[1].id // the node is set by the member itself
	if err := nodes[0].Register(ctx, r); err != nil {
		return fmt.Errorf("registering again: %w", err)
	}
	r.Node = nodes[0].id
	return wants(ctx, nodes, all, r)
}

func filter(ctx context.Context, c transport.Cluster) error {
	nodes, leave, err := joinAll(ctx, c, 2)
	if err != nil {
		return err
	}
	defer leave()
	a, err1 := nodes[0].open(ctx, "anna")
	b, err2 := nodes[1].open(ctx, "anna")
	x, err3 := nodes[1].open(ctx, "")
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	for _, test := range []struct {
		f    transport.SessionFilter
		want []transport.SessionRecord
	}{
		{transport.SessionFilter{User: "anna"}, []transport.SessionRecord{a, b}},
		{transport.SessionFilter{User: "ann"}, nil},
		{transport.SessionFilter{Node: nodes[1].id}, []transport.SessionRecord{b, x}},
		{transport.SessionFilter{Node: nodes[1].id, User: "anna"}, []transport.SessionRecord{b}},
		{transport.SessionFilter{Client: x.Client}, []transport.SessionRecord{x}},
		{transport.SessionFilter{Session: a.Session}, []transport.SessionRecord{a}},
		{transport.SessionFilter{Session: a.Session, Client: b.Client}, nil},
	} {
		if err := wants(ctx, nodes, test.f, test.want...); err != nil {
			return fmt.Errorf("filter %+v: %w", test.f, err)
		}
	}
	return nil
}

func unregister(ctx context.Context, c transport.Cluster) error {
	nodes, leave, err := joinAll(ctx, c, 2)
	if err != nil {
		return err
	}
	defer leave()
	a, err1 := nodes[0].open(ctx, "a")
	b, err2 := nodes[0].open(ctx, "b")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	// Not its own, and none at all: no error, no effect.
	err = errors.Join(nodes[1].Unregister(ctx, a.Session), nodes[0].Unregister(ctx, transport.NewID()))
	if err != nil {
		return fmt.Errorf("unregistering what the node does not hold: %w", err)
	}
	if err := wants(ctx, nodes, all, a, b); err != nil {
		return err
	}
	if err := nodes[0].Unregister(ctx, a.Session); err != nil {
		return fmt.Errorf("unregistering: %w", err)
	}
	if err := wants(ctx, nodes, all, b); err != nil {
		return err
	}
	return expect("SendTo after Unregister", nodes[1].SendTo(ctx, a.Session, nil), transport.ErrNoSession)
}

func sessionOfAnother(ctx context.Context, c transport.Cluster) error {
	nodes, leave, err := joinAll(ctx, c, 2)
	if err != nil {
		return err
	}
	defer leave()
	r, err := nodes[0].open(ctx, "")
	if err != nil {
		return err
	}
	err = nodes[1].Register(ctx, r)
	if err := errors.Join(expect("Register", err, transport.ErrSessionExists), expect("Register", err, status.AlreadyExists)); err != nil {
		return err
	}
	return wants(ctx, nodes, all, r)
}

// oneOfTwo is what closing a client's older session stands on: both register, then both look.
func oneOfTwo(ctx context.Context, c transport.Cluster) error {
	nodes, leave, err := joinAll(ctx, c, 2)
	if err != nil {
		return err
	}
	defer leave()
	for round := range 50 {
		client := transport.NewID()
		var wg sync.WaitGroup
		var seen [2]int
		var errs [2]error
		for i, n := range nodes {
			wg.Go(func() {
				if errs[i] = n.Register(ctx, transport.SessionRecord{Session: transport.NewID(), Client: client}); errs[i] != nil {
					return
				}
				found, err := n.list(ctx, transport.SessionFilter{Client: client})
				seen[i], errs[i] = len(found), err
			})
		}
		wg.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			return err
		}
		if seen[0] < 1 || seen[1] < 1 || max(seen[0], seen[1]) < 2 {
			return fmt.Errorf("round %d: the nodes saw %d and %d sessions of the client, one should see both", round, seen[0], seen[1])
		}
	}
	return nil
}

func stopIterating(ctx context.Context, c transport.Cluster) error {
	nodes, leave, err := joinAll(ctx, c, 1)
	if err != nil {
		return err
	}
	defer leave()
	for range 5 {
		if _, err := nodes[0].open(ctx, ""); err != nil {
			return err
		}
	}
	n := 0
	for r, err := range nodes[0].Sessions(ctx, all) {
		if err != nil {
			return err
		}
		n++
		// What holds a lock while it yields stops here.
		if err := nodes[0].Unregister(ctx, r.Session); err != nil {
			return err
		}
		if n == 2 {
			break
		}
	}
	found, err := nodes[0].list(ctx, all)
	if err == nil && len(found) != 3 {
		err = fmt.Errorf("%d sessions are left, want 3", len(found))
	}
	return err
}
