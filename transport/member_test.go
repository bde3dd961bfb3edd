package transport

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trefoilgo/trefoil/status"
)

// hooked is a cluster whose operations can be made to fail or wait.
type hooked struct {
	Cluster
	before func(ctx context.Context, what string) error
}

func (c *hooked) Join(ctx context.Context, node ID, h ClusterHandler) (Membership, error) {
	if err := c.before(ctx, "join"); err != nil {
		return nil, err
	}
	m, err := c.Cluster.Join(ctx, node, h)
	return &hookedMember{m, c}, err
}

type hookedMember struct {
	Membership
	cluster *hooked
}

func (m *hookedMember) Register(ctx context.Context, r SessionRecord) error {
	if err := m.cluster.before(ctx, "register"); err != nil {
		return err
	}
	err := m.Membership.Register(ctx, r)
	m.cluster.before(ctx, "registered")
	return err
}

func (m *hookedMember) Sessions(ctx context.Context, f SessionFilter) iter.Seq2[SessionRecord, error] {
	return func(yield func(SessionRecord, error) bool) {
		var list []SessionRecord
		for r, err := range m.Membership.Sessions(ctx, f) {
			if err != nil {
				yield(r, err)
				return
			}
			list = append(list, r)
		}
		if err := m.cluster.before(ctx, "seen"); err != nil {
			yield(SessionRecord{}, err)
			return
		}
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (m *hookedMember) Unregister(ctx context.Context, session ID) error {
	if err := m.cluster.before(ctx, "unregister"); err != nil {
		return err
	}
	return m.Membership.Unregister(ctx, session)
}

// witness is a member that is no server.
type witness struct{ closed chan CloseCode }

func (w witness) Deliver(_, _ ID, _ []byte)                    {}
func (w witness) Close(_, _ ID, code CloseCode, reason string) { w.closed <- code }

// nodes runs fn in a bubble with servers that share a cluster.
func nodes(t *testing.T, n int, wrap func(Cluster) Cluster, fn func(t *testing.T, cluster *MemoryCluster, list []*world)) {
	synctest.Test(t, func(t *testing.T) {
		cluster := NewMemoryCluster(nil)
		var shared Cluster = cluster
		if wrap != nil {
			shared = wrap(cluster)
		}
		var list []*world
		for range n {
			opts := &ServerOptions{Cluster: shared, Authenticate: func(_ context.Context, h *Hello) (Identity, error) {
				return Identity{User: h.Agent}, nil
			}}
			list = append(list, newWorld(t, false, false, opts, echo()))
		}
		fn(t, cluster, list)
	})
}

// dialAs connects the client of key as user; it does not come back for an hour.
func (w *world) dialAs(key Key, user string) *Client {
	w.t.Helper()
	opts := w.options()
	opts.Key, opts.Agent, opts.MinBackoff, opts.MaxBackoff = key, user, time.Hour, time.Hour
	return w.client(opts, &probe{name: "echo"})
}

// connected are the users that a node sees in its cluster, sorted.
func (w *world) connected(f SessionFilter) (users []string) {
	w.t.Helper()
	for r, err := range w.server.Everywhere(context.Background(), f) {
		if err != nil {
			w.t.Fatal(err)
		}
		users = append(users, r.User)
	}
	slices.Sort(users)
	return users
}

func (w *world) wantConnected(users ...string) {
	w.t.Helper()
	synctest.Wait()
	if got := w.connected(SessionFilter{}); !slices.Equal(got, users) {
		w.t.Errorf("connected are %q, want %q", got, users)
	}
}

// A session on one node ends that of the same client on another; every node sees who is where.
func TestClusterSupersedes(t *testing.T) {
	nodes(t, 2, nil, func(t *testing.T, _ *MemoryCluster, w []*world) {
		key := NewKey()
		first := w[0].dialAs(key, "ada")
		beside := w[1].dialAs(NewKey(), "bob")
		w[0].wantConnected("ada", "bob")
		second := w[1].dialAs(key, "ada")
		if st := until(t, first, inPhase(Closed)); !errors.Is(st.Err, reasonOf(CloseSuperseded)) {
			t.Errorf("first: %v", st.Err)
		}
		for _, one := range w {
			one.wantConnected("ada", "bob")
			if got := one.connected(SessionFilter{Client: key.Client(), Node: w[1].server.Node()}); len(got) != 1 {
				t.Errorf("the client is there %d times", len(got))
			}
		}
		if beside.Session() == nil || second.Session() == nil {
			t.Error("others ended as well")
		}
		second.Close()
		w[0].wantConnected("bob")
		if err := w[1].server.Close(context.Background()); err != nil {
			t.Error(err)
		}
		w[0].wantConnected()
	})
}

// Of two sessions of a client that open at the same moment on two nodes one stays.
func TestClusterTie(t *testing.T) {
	wrap := func(c Cluster) Cluster {
		var registered, seen atomic.Int32
		both, all := make(chan struct{}), make(chan struct{})
		return &hooked{c, func(_ context.Context, what string) error {
			switch what {
			case "registered":
				if registered.Add(1) == 2 {
					close(both)
				}
				<-both
			case "seen":
				n := seen.Add(1)
				if n == 4 {
					close(all)
				}
				if n > 2 { // the second look of each
					<-all
				}
			}
			return nil
		}}
	}
	nodes(t, 2, wrap, func(t *testing.T, _ *MemoryCluster, w []*world) {
		key := NewKey()
		var clients []*Client
		for _, one := range w {
			opts := one.options()
			opts.Key, opts.MinBackoff, opts.MaxBackoff = key, time.Hour, time.Hour
			c := Connect("", opts)
			defer c.Close()
			clients = append(clients, c)
		}
		synctest.Wait()
		stay := 0
		for _, c := range clients {
			switch st := c.State(); {
			case st.Phase == Open:
				stay++
			case !errors.Is(st.Err, reasonOf(CloseSuperseded)):
				t.Errorf("ended with %v", st.Err)
			}
		}
		if got := w[0].connected(SessionFilter{}); stay != 1 || len(got) != 1 {
			t.Errorf("%d sessions stay, %d are listed", stay, len(got))
		}
	})
}

// A node whose clock is ahead does not keep its clients from going to another.
func TestClusterClocks(t *testing.T) {
	nodes(t, 1, nil, func(t *testing.T, cluster *MemoryCluster, w []*world) {
		ahead := witness{make(chan CloseCode, 1)}
		m, err := cluster.Join(context.Background(), NewID(), ahead)
		if err != nil {
			t.Fatal(err)
		}
		key := NewKey()
		r := SessionRecord{Session: NewID(), Client: key.Client(), Since: time.Now().Add(time.Hour)}
		if err := m.Register(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		c := w[0].dialAs(key, "ada")
		if code := <-ahead.closed; code != CloseSuperseded {
			t.Errorf("the older was told %v", code)
		}
		synctest.Wait()
		if c.Session() == nil {
			t.Errorf("the newer ended: %v", c.State().Err)
		}
	})
}

// Kick reaches sessions on any node, and only those that are meant.
func TestKick(t *testing.T) {
	nodes(t, 2, nil, func(t *testing.T, _ *MemoryCluster, w []*world) {
		ctx := context.Background()
		ada, there := w[0].dialAs(NewKey(), "ada"), w[1].dialAs(NewKey(), "ada")
		bob := w[0].dialAs(NewKey(), "bob")
		if n, err := w[1].server.Kick(ctx, SessionFilter{}, ""); n != 0 || !errors.Is(err, status.InvalidArgument) {
			t.Errorf("everyone: %d, %v", n, err)
		}
		if n, err := w[1].server.Kick(ctx, SessionFilter{User: "eve"}, ""); n != 0 || err != nil {
			t.Errorf("nobody: %d, %v", n, err)
		}
		if n, err := w[1].server.Kick(ctx, SessionFilter{User: "ada"}, "enough"); n != 2 || err != nil {
			t.Errorf("ada: %d, %v", n, err)
		}
		for _, c := range []*Client{ada, there} {
			if st := until(t, c, inPhase(Closed)); !errors.Is(st.Err, reasonOf(CloseKicked)) || status.From(st.Err).Message != "enough" {
				t.Errorf("ended with %v", st.Err)
			}
		}
		w[1].wantConnected("bob")
		if n, err := w[1].server.Kick(ctx, SessionFilter{Session: bob.Session().ID()}, ""); n != 1 || err != nil {
			t.Errorf("bob: %d, %v", n, err)
		}
		w[1].wantConnected()
	})
}

// Without a cluster a server knows its own sessions.
func TestKickAlone(t *testing.T) {
	bubble(t, nil, func(t *testing.T, w *world) {
		c := w.dialAs(NewKey(), "")
		w.dialAs(NewKey(), "")
		w.wantConnected("", "")
		if n, err := w.server.Kick(context.Background(), SessionFilter{Client: c.ID()}, ""); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		w.wantConnected("")
	})
}

// A node that lost its lease keeps its sessions, lets nobody in, joins again and registers
// them; those whose clients have gone elsewhere meanwhile yield.
func TestClusterLapse(t *testing.T) {
	nodes(t, 2, nil, func(t *testing.T, cluster *MemoryCluster, w []*world) {
		key := NewKey()
		moved, stayed := w[0].dialAs(key, "ada"), w[0].dialAs(NewKey(), "bob")
		cluster.Crash(w[0].server.Node())
		w[1].wantConnected("ada", "bob") // until the lease lapses
		again := w[1].dialAs(key, "ada")
		if _, err := Dial(context.Background(), "", w[0].options()); !errors.Is(err, reasonOf(CloseOverloaded)) {
			t.Errorf("let in by a node that is no member: %v", err)
		}
		synctest.Wait()
		if moved.Session() == nil || stayed.Session() == nil {
			t.Error("sessions did not live on")
		}
		time.Sleep(cluster.Lease() - time.Nanosecond)
		w[1].wantConnected("ada", "ada", "bob")
		time.Sleep(time.Nanosecond)
		w[1].wantConnected("ada")
		time.Sleep(10 * time.Second)
		w[1].wantConnected("ada", "bob")
		if st := moved.State(); st.Phase != Connecting || !errors.Is(st.Err, reasonOf(CloseGoingAway)) {
			t.Errorf("the one that moved: %+v", st)
		}
		if stayed.Session() == nil || again.Session() == nil {
			t.Error("a session ended that should not")
		}
		w[0].dialAs(NewKey(), "eve")
		w[1].wantConnected("ada", "bob", "eve")
	})
}

// A cluster that cannot be reached keeps new clients out until it can.
func TestClusterUnreachable(t *testing.T) {
	for _, broken := range []string{"join", "register"} {
		t.Run(broken, func(t *testing.T) {
			var repaired atomic.Bool
			wrap := func(c Cluster) Cluster {
				return &hooked{c, func(_ context.Context, what string) error {
					if what == broken && !repaired.Load() {
						return status.New(status.Unavailable, "test.cut", "no route")
					}
					return nil
				}}
			}
			nodes(t, 1, wrap, func(t *testing.T, _ *MemoryCluster, w []*world) {
				_, err := Dial(context.Background(), "", w[0].options())
				if !errors.Is(err, reasonOf(CloseOverloaded)) || !errors.Is(err, status.Unavailable) {
					t.Errorf("Dial: %v", err)
				}
				_, err = w[0].server.Kick(context.Background(), SessionFilter{User: "ada"}, "")
				if want := broken == "join"; errors.Is(err, ErrNotMember) != want {
					t.Errorf("Kick: %v", err)
				}
				opts := w[0].options()
				opts.MaxBackoff = time.Second
				c := Connect("", opts)
				defer c.Close()
				time.Sleep(time.Minute)
				if c.State().Phase != Connecting {
					t.Errorf("%+v", c.State())
				}
				repaired.Store(true)
				until(t, c, inPhase(Open))
				w[0].wantConnected("trefoil-go")
			})
		})
	}
}

// A session that could not be taken off the list is taken off later.
func TestClusterUnregisterAgain(t *testing.T) {
	var failures atomic.Int32
	failures.Store(3)
	wrap := func(c Cluster) Cluster {
		return &hooked{c, func(_ context.Context, what string) error {
			if what == "unregister" && failures.Add(-1) >= 0 {
				return status.New(status.Unavailable, "test.cut", "no route").MaybeDone()
			}
			return nil
		}}
	}
	nodes(t, 2, wrap, func(t *testing.T, _ *MemoryCluster, w []*world) {
		c := w[0].dialAs(NewKey(), "ada")
		c.Close()
		w[1].wantConnected("ada")
		time.Sleep(time.Minute)
		w[1].wantConnected()
	})
}

// A server that closes while its cluster hangs gives up in time.
func TestClusterHangs(t *testing.T) {
	wrap := func(c Cluster) Cluster {
		return &hooked{c, func(ctx context.Context, what string) error {
			if what == "register" || what == "unregister" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}}
	}
	nodes(t, 1, wrap, func(t *testing.T, _ *MemoryCluster, w []*world) {
		begin := time.Now()
		if _, err := Dial(context.Background(), "", w[0].options()); !errors.Is(err, reasonOf(CloseOverloaded)) {
			t.Errorf("Dial: %v", err)
		}
		if d := time.Since(begin); d > 15*time.Second {
			t.Errorf("refused after %v", d)
		}
	})
}
