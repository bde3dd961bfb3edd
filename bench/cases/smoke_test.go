package cases

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/commit"
	"github.com/trefoilgo/trefoil/bench/load"
	"github.com/trefoilgo/trefoil/bench/server"
	"github.com/trefoilgo/trefoil/internal/leak"
)

func TestMain(m *testing.M) {
	child.Serving(server.Roles)
	leak.Main(m)
}

func testEnv(t *testing.T) *Env {
	return &Env{Rounds: 1, Lasts: time.Nanosecond, Home: "..", Temp: t.TempDir(), Log: t.Logf}
}

// started is a server that is stopped with the test.
func started(t *testing.T, p peer) *target {
	t.Helper()
	s, err := p.start(t.Context(), testEnv(t), spec{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestEchoes: each server in Go, with its client, answers a handful of calls of both sizes.
func TestEchoes(t *testing.T) {
	for _, c := range []struct {
		peer
		label string
		dial  load.DialEcho
	}{
		{trefoil, inline, load.DialInline}, {trefoil, ordinary, load.DialOrdinary},
		{rawEcho, "", load.DialRaw}, {rawCallers, "", load.DialRawCallers}, {batchEcho, "", load.DialBatch}, {rawTCP, "", load.DialTCP},
		{natsTCP, "", load.DialNATS}, {natsWS, "", load.DialNATSWebSocket}, {grpcGo, "", load.DialGRPC}, {connect, "", load.DialConnect},
		{httpJSON, "", load.DialJSON}, {polling, "", load.DialPolling},
	} {
		t.Run(c.name+c.label, func(t *testing.T) {
			s := started(t, c.peer)
			e, err := c.dial(t.Context(), s.address, 2)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			for _, size := range []int{64, 4096} {
				var m load.Meter
				if err := e.Run(3, size, time.Time{}, &m); err != nil || m.Ops.Load() != 6 {
					t.Errorf("%d bytes: %d calls (%v), want 6", size, m.Ops.Load(), err)
				}
			}
		})
	}
}

// TestBytes: what raw echo carries is known to the byte: 64 bytes in a frame of 70 there, which is masked, and of 66 back (RFC 6455, section 5.2).
func TestBytes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what connections have carried")
	}
	s := started(t, rawEcho)
	e, err := load.DialRaw(t.Context(), s.address, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	before, err := s.usage()
	if err != nil {
		t.Fatal(err)
	}
	var m load.Meter
	if err := e.Run(5, 64, time.Time{}, &m); err != nil {
		t.Fatal(err)
	}
	after, err := s.usage()
	if err != nil {
		t.Fatal(err)
	}
	one := between(before, after, m.Ops.Load(), &m)
	if one.bytes != 70+66 {
		t.Errorf("%v bytes a call, want 136", one.bytes)
	}
	if !(one.cpu > 0) || !(one.ops > 0) || !(one.p50 > 0) || one.p99 < one.p50 {
		t.Errorf("the sample is %+v", one)
	}
}

// TestBuses: each server in Go, with its clients, brings each message to each subscriber.
func TestBuses(t *testing.T) {
	for _, c := range []struct {
		peer
		dial   load.DialBus
		topics int
	}{
		{trefoil, load.DialTopics, 3}, {natsTCP, load.DialNATSTopics, 3}, {natsWS, load.DialNATSWebSocketTopics, 3},
		{prepared, load.DialPrepared, 1}, {framed, load.DialFramed, 1}, {polling, load.DialLongPolling, 1}, {trefoil, load.DialReplicas, 1},
	} {
		for _, paced := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, c.topics, paced), func(t *testing.T) {
				s := started(t, c.peer)
				f := fanCase{topics: c.topics, subscribers: 6, window: 2, paced: paced}
				got, messages, err := f.run(t.Context(), testEnv(t), s, c.dial)
				if err != nil || messages < 1 {
					t.Fatalf("%d messages, %v", messages, err)
				}
				if runtime.GOOS == "linux" && !(got.cpu > 0 && got.bytes > messageSize) {
					t.Errorf("the sample is %+v", got)
				}
			})
		}
	}
}

// TestCommits: durable commits, over the wire and in the process.
func TestCommits(t *testing.T) {
	t.Run("wire", func(t *testing.T) {
		s := started(t, trefoilDurable)
		for range 2 { // the second time on objects that are there
			c, err := load.DialCommits(t.Context(), s.address, 3)
			if err != nil {
				t.Fatal(err)
			}
			var m load.Meter
			err = c.Run(time.Time{}, &m)
			c.Close()
			if err != nil || m.Ops.Load() != 3 {
				t.Errorf("%d commits, %v", m.Ops.Load(), err)
			}
		}
	})
	for _, p := range []peer{commitsInside, fdatasync} {
		t.Run(p.name, func(t *testing.T) {
			s := started(t, p)
			for range 2 {
				var o commit.Outcome
				if err := s.process.DoJSON("run 4 0", &o); err != nil || o.Ops != 4 || o.P50 <= 0 {
					t.Errorf("%+v, %v", o, err)
				}
			}
		})
	}
}

// TestSyncs: where strace is, syncs are counted, and they are as many as they must be.
func TestSyncs(t *testing.T) {
	if _, err := need("strace"); err != nil {
		t.Skip(err)
	}
	for _, p := range []peer{commitsInside, fdatasync} {
		s := subject{peer: p, measure: elsewhere(4)}
		samples := make([]sample, 2)
		if err := countSyncs(4)(t.Context(), testEnv(t), s, samples); err != nil {
			t.Error(err)
		}
		if n := samples[1].syncs; !(n >= 0.25) {
			t.Errorf("%s: %v syncs a commit", p.name, n)
		}
	}
}

func TestIdle(t *testing.T) {
	for _, c := range []busPeer{{trefoil, load.DialTopics}, {natsWS, load.DialNATSWebSocketTopics}} {
		s, err := idle(50, c.dial)(t.Context(), testEnv(t), started(t, c.peer))
		if err != nil || !(s.kib > 1 && s.kib < 200) {
			t.Errorf("%s: %v KiB, %v", c.name, s.kib, err)
		}
	}
}

// TestGrowth: each table at its two smallest sizes.
func TestGrowth(t *testing.T) {
	for _, e := range growths() {
		g := e.growth
		g.sizes = g.sizes[:2]
		rows, err := g.run(t.Context(), testEnv(t))
		if err != nil {
			t.Error(err)
		}
		if want := 2 * len(g.metrics); len(rows) != want {
			t.Errorf("%s has %d rows, want %d", e.Name, len(rows), want)
		}
	}
}

func TestCodec(t *testing.T) {
	rows, err := codecs().Run(context.Background(), testEnv(t))
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
}
