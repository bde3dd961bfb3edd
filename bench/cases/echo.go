package cases

import (
	"context"
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/bench/load"
)

// The two subjects of ours in cases of rpc.
const (
	inline   = "trefoil, Inline"
	ordinary = "trefoil, ordinary"
)

// echoCase is so many connections with so many calls of so many bytes in flight on each.
type echoCase struct {
	name                      string
	connections, flight, size int
	comparisons               []comparison
	without                   map[string]bool // peers that take no part
}

func (c echoCase) experiment() Experiment {
	f := family{
		name:  c.name,
		about: fmt.Sprintf("rpc: echo of %d bytes, %d connections, %d calls in flight on each", c.size, c.connections, c.flight),
		cases: c.comparisons,
	}
	for _, s := range []struct {
		peer
		label string
		dial  load.DialEcho
	}{
		{trefoil, inline, load.DialInline},
		{trefoil, ordinary, load.DialOrdinary},
		{rawEcho, "", load.DialRaw},
		{rawCallers, "", load.DialRawCallers},
		{batchEcho, "", load.DialBatch},
		{rawTCP, "", load.DialTCP},
		{natsTCP, "", load.DialNATS},
		{natsWS, "", load.DialNATSWebSocket},
		{grpcGo, "", load.DialGRPC},
		{connect, "", load.DialConnect},
		{httpJSON, "", load.DialJSON},
		{polling, "", load.DialPolling},
		{socketIO, "", load.DialSocketIO},
		{engineIO, "", load.DialEngineIO},
	} {
		if !c.without[s.name] {
			f.subjects = append(f.subjects, subject{peer: s.peer, label: s.label, measure: c.measure(s.dial)})
		}
	}
	return f.experiment()
}

// measure makes calls on connections that are opened for it.
func (c echoCase) measure(dial load.DialEcho) func(context.Context, *Env, *target) (sample, error) {
	return func(ctx context.Context, env *Env, t *target) (sample, error) {
		e, err := dial(ctx, t.address, c.connections)
		if err != nil {
			return sample{}, err
		}
		defer e.Close()
		var m load.Meter
		if err := e.Run(c.flight, c.size, time.Now().Add(env.Warm), &m); err != nil {
			return sample{}, err
		}
		m.Reset()
		before, err := t.usage()
		if err != nil {
			return sample{}, err
		}
		if err := e.Run(c.flight, c.size, time.Now().Add(env.Lasts), &m); err != nil {
			return sample{}, err
		}
		after, err := t.usage()
		return between(before, after, m.Ops.Load(), &m), err
	}
}

// echoes are the cases of rpc with their goals.
func echoes() []Experiment {
	return []Experiment{
		echoCase{name: "rpc-64-1x128", connections: 1, flight: 128, size: 64, comparisons: []comparison{
			{"inline-ops", metricOps, inline, map[string]float64{rawEcho.name: 1.7, natsTCP.name: 2, grpcGo.name: 6}},
			{"inline-cpu", metricCPU, inline, map[string]float64{rawEcho.name: 0.55}},
			{"ordinary-ops", metricOps, ordinary, map[string]float64{rawEcho.name: 1.5}},
			{"ordinary-cpu", metricCPU, ordinary, map[string]float64{rawEcho.name: 0.7}},
		}}.experiment(),
		echoCase{name: "rpc-64-1x1", connections: 1, flight: 1, size: 64, comparisons: []comparison{
			{"inline-p50", metricP50, inline, map[string]float64{rawEcho.name: 1.15, socketIO.name: 0.6, grpcGo.name: 0.3}},
			{"ordinary-p50", metricP50, ordinary, map[string]float64{rawEcho.name: 1.4, socketIO.name: 0.6, grpcGo.name: 0.3}},
		}}.experiment(),
		echoCase{name: "rpc-64-64x16", connections: 64, flight: 16, size: 64, comparisons: []comparison{
			{"inline-ops", metricOps, inline, map[string]float64{rawEcho.name: 1.1, natsTCP.name: 1.6}},
			{"ordinary-ops", metricOps, ordinary, map[string]float64{rawEcho.name: 1.1, natsTCP.name: 1.6}},
		}}.experiment(),
		echoCase{name: "rpc-4096-1x128", connections: 1, flight: 128, size: 4096, comparisons: []comparison{
			{"inline-ops", metricOps, inline, map[string]float64{rawEcho.name: 2.5, natsTCP.name: 1.8}},
			{"ordinary-ops", metricOps, ordinary, map[string]float64{rawEcho.name: 2.5, natsTCP.name: 1.8}},
		}}.experiment(),
	}
}
