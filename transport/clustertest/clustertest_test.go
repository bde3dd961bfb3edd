package clustertest

import (
	"context"
	"iter"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/transport"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

func newMemory() *transport.MemoryCluster {
	return transport.NewMemoryCluster(&transport.MemoryClusterOptions{Lease: 150 * time.Millisecond})
}

func TestMemoryCluster(t *testing.T) {
	Run(t, func(t *testing.T) transport.Cluster { return newMemory() })
}

func TestMemoryClusterSmallInbox(t *testing.T) {
	Run(t, func(t *testing.T) transport.Cluster {
		return transport.NewMemoryCluster(&transport.MemoryClusterOptions{Lease: 150 * time.Millisecond, Inbox: 16})
	})
}

// broken wraps memberships of a good cluster.
type broken struct {
	*transport.MemoryCluster
	wrap func(transport.Membership) transport.Membership
}

func (b broken) Join(ctx context.Context, node transport.ID, h transport.ClusterHandler) (transport.Membership, error) {
	m, err := b.MemoryCluster.Join(ctx, node, h)
	if err != nil {
		return nil, err
	}
	return b.wrap(m), nil
}

// forgetful keeps what was unregistered.
type forgetful struct{ transport.Membership }

func (forgetful) Unregister(ctx context.Context, _ transport.ID) error { return ctx.Err() }

// overtaking lets the next message pass one of each sender.
type overtaking struct {
	transport.Membership
	mu   *sync.Mutex
	held *func() error
}

func (o overtaking) SendTo(ctx context.Context, session transport.ID, msg []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	msg = append([]byte(nil), msg...)
	send := func() error { return o.Membership.SendTo(ctx, session, msg) }
	if *o.held == nil && len(msg) == 4 && msg[3] == 101 {
		*o.held = send
		return nil
	}
	err := send()
	if *o.held != nil && err == nil {
		err = (*o.held)()
		*o.held = nil
	}
	return err
}

// doubling sends again what it sent.
type doubling struct{ transport.Membership }

func (d doubling) SendTo(ctx context.Context, session transport.ID, msg []byte) error {
	if err := d.Membership.SendTo(ctx, session, msg); err != nil {
		return err
	}
	return d.Membership.SendTo(ctx, session, msg)
}

// aliasing keeps the caller's bytes until later.
type aliasing struct{ transport.Membership }

func (a aliasing) SendTo(ctx context.Context, session transport.ID, msg []byte) error {
	time.AfterFunc(5*time.Millisecond, func() { a.Membership.SendTo(ctx, session, msg) })
	return nil
}

// selfish knows its own sessions alone.
type selfish struct {
	transport.Membership
	self transport.ID
}

func (s selfish) Sessions(ctx context.Context, f transport.SessionFilter) iter.Seq2[transport.SessionRecord, error] {
	return func(yield func(transport.SessionRecord, error) bool) {
		for r, err := range s.Membership.Sessions(ctx, f) {
			if err == nil && r.Node != s.self {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// late makes a registration known a little after Register has returned.
type late struct{ transport.Membership }

func (l late) Register(ctx context.Context, r transport.SessionRecord) error {
	time.AfterFunc(time.Millisecond, func() { l.Membership.Register(ctx, r) })
	return ctx.Err()
}

// immortal never notices a crash.
type immortal struct{ *transport.MemoryCluster }

func (immortal) Crash(transport.ID) {}

func TestKitFindsBrokenClusters(t *testing.T) {
	wrapped := func(wrap func(transport.Membership) transport.Membership) func() transport.Cluster {
		return func() transport.Cluster { return broken{newMemory(), wrap} }
	}
	for name, make := range map[string]func() transport.Cluster{
		"forgetful": wrapped(func(m transport.Membership) transport.Membership { return forgetful{m} }),
		"overtaking": wrapped(func(m transport.Membership) transport.Membership {
			return overtaking{m, new(sync.Mutex), new(func() error)}
		}),
		"doubling": wrapped(func(m transport.Membership) transport.Membership { return doubling{m} }),
		"aliasing": wrapped(func(m transport.Membership) transport.Membership { return aliasing{m} }),
		"late":     wrapped(func(m transport.Membership) transport.Membership { return late{m} }),
		"selfish":  func() transport.Cluster { return selfishCluster{newMemory()} },
		"immortal": func() transport.Cluster { return immortal{newMemory()} },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			for _, c := range cases {
				if c.crash != (name == "immortal") || c.name == "LeaveWaitsForHandler" || c.name == "HandlerAnswers" {
					continue // these would wait for what a broken cluster never does
				}
				if err := c.run(ctx, make()); err != nil {
					t.Logf("found by %s: %v", c.name, err)
					return
				}
			}
			t.Error("the kit found nothing")
		})
	}
}

type selfishCluster struct{ *transport.MemoryCluster }

func (s selfishCluster) Join(ctx context.Context, node transport.ID, h transport.ClusterHandler) (transport.Membership, error) {
	m, err := s.MemoryCluster.Join(ctx, node, h)
	if err != nil {
		return nil, err
	}
	return selfish{m, node}, nil
}
