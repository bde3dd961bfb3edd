package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
	"github.com/trefoilgo/trefoil/transport"
)

const (
	killClients  = 8
	killInFlight = 16 // of each client
	kills        = 20
	killAcks     = 10_000
)

// acknowledged is a commit that a client was told of.
type acknowledged struct {
	key    string
	commit dstm.Commit
}

// A server with its store on bbolt is killed 20 times while 8 clients keep 16 commits each in
// flight. Every acknowledged commit must be there exactly once, whatever was sent again meanwhile; the
// witness judges all outcomes against the whole log, and all replicas hold the same in the end.
func TestKilledServerLosesAndDoublesNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute) // bounds a hang, and is no measure of speed
	defer cancel()
	server := startProcess(t)

	var recorder dstmtest.Recorder
	var put archive
	var acks, inFlight atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	results := make([][]acknowledged, killClients*killInFlight)
	moved := make(chan struct{}, 1)
	objects := make([]dstm.Object, killClients)
	for c := range killClients {
		object := recorder.Watch(openAt(ctx, t, server.addr))
		objects[c] = object
		for g := range killInFlight {
			wg.Go(func() {
				mine := &results[c*killInFlight+g]
				for n := 0; !stop.Load(); n++ {
					key := fmt.Sprintf("c%d-g%d-%d", c, g, n)
					inFlight.Add(1)
					commit, err := object.Update(ctx, func(tx *dstm.Tx) error {
						tx.Set(n, key)
						tx.Add(1, nil, nil, "total")
						return nil
					})
					inFlight.Add(-1)
					if err != nil {
						t.Errorf("%s: %v", key, err)
						return
					}
					*mine = append(*mine, acknowledged{key, commit})
					acks.Add(1)
					select {
					case moved <- struct{}{}:
					default:
					}
				}
			})
		}
	}

	waitFor := func(n int64) {
		for acks.Load() < n {
			select {
			case <-moved:
			case <-ctx.Done():
				t.Fatalf("only %d of %d commits were acknowledged", acks.Load(), n)
			}
		}
	}
	for k := range kills {
		waitFor(int64(k+1) * killAcks / (kills + 1))
		unanswered := inFlight.Load()
		server.kill()
		if unanswered == 0 {
			t.Errorf("kill %d met no unanswered commit", k)
		}
		put.read(ctx, t, server.file)
		server.start()
	}
	waitFor(killAcks)
	stop.Store(true)
	wg.Wait()
	see(ctx, t, &recorder, objects)
	server.kill()
	put.read(ctx, t, server.file)
	if err := recorder.CheckEntries(put.entries); err != nil {
		t.Error(err)
	}
	if !put.truncated {
		t.Error("the log was never truncated")
	}
	t.Logf("%d commits acknowledged over %d kills", acks.Load(), kills)
	if !t.Failed() {
		checkAcknowledged(ctx, t, server.file, results)
	}
}

// archive puts the entries of a log by that is truncated between kills.
type archive struct {
	entries   []dstm.Entry
	truncated bool
}

// read adds the entries that came since the last kill. The server is dead.
func (a *archive) read(ctx context.Context, t *testing.T, file string) {
	t.Helper()
	store, err := bolt.Open(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	log, err := store.Log("main")
	if err != nil {
		t.Fatal(err)
	}
	after := dstm.Position(len(a.entries))
	entries, err := dstmtest.Entries(ctx, log, after)
	if err != nil {
		t.Fatalf("reading the log behind %d: %v", after, err)
	}
	for i := range entries {
		entries[i].Data = bytes.Clone(entries[i].Data) // it lives longer than the file
	}
	a.entries = append(a.entries, entries...)
	for _, err := range log.Read(ctx, 0) {
		a.truncated = a.truncated || errors.Is(err, dstm.ErrTruncated)
		break
	}
}

// see records what the replicas of all clients hold, once they have come up to each other.
func see(ctx context.Context, t *testing.T, recorder *dstmtest.Recorder, objects []dstm.Object) {
	t.Helper()
	var version uint64
	for _, o := range objects {
		version = max(version, o.Head().Version)
	}
	for _, o := range objects {
		if err := o.Wait(ctx, version); err != nil {
			t.Fatal(err)
		}
		if err := recorder.See(o); err != nil {
			t.Error(err)
		}
	}
}

// openAt opens the object of the test on a new client that comes back quickly.
func openAt(ctx context.Context, t *testing.T, addr string) dstm.Object {
	t.Helper()
	objects := dstm.NewClient(nil)
	conn, err := transport.Dial(ctx, "ws://"+addr, &transport.ClientOptions{
		MinBackoff: 5 * time.Millisecond, MaxBackoff: 50 * time.Millisecond,
	}, objects)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); objects.Close() })
	object, err := objects.Open(ctx, "board")
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// checkAcknowledged opens the file that the last kill left and compares it with what clients were told.
func checkAcknowledged(ctx context.Context, t *testing.T, file string, results [][]acknowledged) {
	t.Helper()
	store, err := bolt.Open(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	log, err := store.Log("main")
	if err != nil {
		t.Fatal(err)
	}
	objects, err := dstm.NewStore(log, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close(ctx)
	object, err := objects.Open(ctx, "board")
	if err != nil {
		t.Fatal(err)
	}
	versions := map[uint64]string{}
	count := 0
	err = object.View(func(tx *dstm.Tx) error {
		for _, result := range results {
			for _, a := range result {
				count++
				if other, twice := versions[a.commit.Version]; twice {
					t.Errorf("%s and %s were both told version %d", a.key, other, a.commit.Version)
				}
				versions[a.commit.Version] = a.key
				if !tx.Exists(a.key) {
					t.Errorf("%s was acknowledged as version %d and is gone", a.key, a.commit.Version)
				}
			}
		}
		var total int
		tx.Lookup(&total, "total")
		if keys := len(tx.Keys()) - 1; keys != count || total != count {
			t.Errorf("%d commits were acknowledged, %d keys are there, and the total is %d", count, keys, total)
		}
		if tx.Version() != uint64(count) {
			t.Errorf("%d commits were acknowledged, and the version is %d", count, tx.Version())
		}
		return nil
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
