package cases

import (
	"context"
	"fmt"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/load"
)

// idleConnections is how many connections the memory of one is measured with.
const idleConnections = 10_000

// limit is a peer that is a bound and nothing else.
func limit(name string, figures sample) subject {
	return subject{
		peer:    peer{name, "a bound, not measured", func(context.Context, *Env, spec) (*target, error) { return nil, nil }},
		measure: func(context.Context, *Env, *target) (sample, error) { return figures, nil },
	}
}

func kib(after, before float64) sample {
	s := noSample()
	s.kib, s.kibBefore = after, before
	return s
}

// idle measures the server's memory for one connection with one subscription on which nothing happens.
func idle(connections int, dial load.DialBus) func(context.Context, *Env, *target) (sample, error) {
	return func(ctx context.Context, env *Env, t *target) (sample, error) {
		empty, err := memory(t, true)
		if err != nil {
			return sample{}, err
		}
		bus, err := dial(ctx, t.address)
		if err != nil {
			return sample{}, err
		}
		defer bus.Close()
		// All on one topic, so that one probe tells that all are there.
		f := load.NewFan(bus, 1, 1, messageSize)
		if err := f.Subscribe(ctx, connections, func(int) []int { return []int{0} }); err != nil {
			return sample{}, err
		}
		full, err := memory(t, false)
		if err != nil {
			return sample{}, err
		}
		collected, err := memory(t, true)
		if err != nil {
			return sample{}, err
		}
		per := func(m child.Memory) float64 { return float64(m.Used-empty.Used) / 1024 / float64(connections) }
		s := kib(per(collected), per(full))
		env.Log("%d idle connections: %.2f KiB each after garbage collection, %.2f before", connections, s.kib, s.kibBefore)
		if s.kib <= 0 {
			return sample{}, fmt.Errorf("%d connections take %.1f KiB each", connections, s.kib)
		}
		return s, nil
	}
}

// memory asks a server for its memory, after a garbage collection if collect is set.
func memory(t *target, collect bool) (child.Memory, error) {
	var m child.Memory
	if collect {
		if _, err := t.process.Do("gc"); err != nil {
			return m, err
		}
	}
	return m, t.process.DoJSON("memory", &m)
}

func idles() Experiment {
	const bounds = "limit of 8 KiB, 14 KiB"
	f := family{
		name:  "idle",
		about: "memory of an idle connection with one subscription, 10,000 of them: heap and stacks of the server, after a garbage collection and before",
		fresh: true, quick: 1,
		cases: []comparison{
			{"kib", metricKiB, ours, map[string]float64{bounds: 1}},
			{"kib-before", metricBefore, ours, map[string]float64{bounds: 1}},
		},
	}
	for _, p := range []busPeer{
		{trefoil, load.DialTopics}, {prepared, load.DialPrepared}, {framed, load.DialFramed},
		{natsWS, load.DialNATSWebSocketTopics}, {socketIO, load.DialSocketIORooms},
	} {
		f.subjects = append(f.subjects, subject{peer: p.peer, measure: idle(idleConnections, p.dial)})
	}
	f.subjects = append(f.subjects, limit(bounds, kib(8, 14)))
	return f.experiment()
}
