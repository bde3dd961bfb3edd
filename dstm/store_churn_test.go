package dstm_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// TestChurn lets clients and the servers themselves change the same objects on two nodes while connections drop and
// appends come out in doubt, and has the witness judge the history.
func TestChurn(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", seed)
	shared := dstm.NewMemoryLog()
	var faults sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	doubtful := func(_ int, next func() (dstm.Position, error)) (dstm.Position, error) {
		faults.Lock()
		dice := random.IntN(20)
		faults.Unlock()
		uncertain := status.New(status.Unavailable, dstm.ErrUncertain, "who knows").MaybeDone()
		switch dice {
		case 0:
			next()
			return 0, uncertain
		case 1:
			return 0, uncertain
		}
		return next()
	}
	var nodes []*node
	for range 2 {
		log := &faultyLog{Log: shared.Share()}
		n := newNode(t, log, &dstm.StoreOptions{Recent: 256 << 10}, nil)
		log.hook(doubtful)
		nodes = append(nodes, n)
	}
	rec := &witness.Recorder{}
	c := &counter{t: t, recorder: rec}
	var wg sync.WaitGroup
	work := func(ctx context.Context, o dstm.Object, r *rand.Rand) {
		for range 100 {
			err := c.increment(ctx, o, fmt.Sprint(r.IntN(3)))
			if err != nil && witness.ResultOf(err) != witness.Unknown && !errors.Is(err, dstm.ErrConflict) {
				t.Error(err)
			}
			c.see(o)
		}
	}
	stop := make(chan struct{})
	var cutters sync.WaitGroup
	for i := range 6 {
		n := nodes[i%2]
		r := rand.New(rand.NewPCG(seed, uint64(i+2)))
		if i < 2 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				o := object(t, n.store, "o")
				defer o.Close()
				work(n.ctx, o, r)
			}()
			continue
		}
		client := dstm.NewClient(nil)
		conn, err := transport.Dial(n.ctx, "pipe:", &transport.ClientOptions{
			Dialer: n.server.Pipe(), JSON: i == 2, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond,
		}, client)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close(); conn.Close() })
		wg.Add(1)
		go func() {
			defer wg.Done()
			o, err := client.Open(n.ctx, "o")
			if err != nil {
				t.Error(err)
				return
			}
			work(n.ctx, o, r)
		}()
		cut := rand.New(rand.NewPCG(seed, uint64(i+100)))
		cutters.Add(1)
		go func() {
			defer cutters.Done()
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(1+cut.IntN(8)) * time.Millisecond):
				}
				if s := conn.Session(); s != nil {
					s.Close(transport.CloseGoingAway, "cut")
				}
			}
		}()
	}
	wg.Wait()
	close(stop)
	cutters.Wait()
	for _, n := range nodes {
		o := object(t, n.store, "o")
		if err := o.Wait(n.ctx, max(nodes[0].headOf("o"), nodes[1].headOf("o"))); err != nil {
			t.Fatal(err)
		}
		c.see(o)
	}
	judge(t, shared, rec)
}

func (n *node) headOf(name string) uint64 {
	o := object(n.t, n.store, name)
	defer o.Close()
	return o.Head().Version
}
