package cases

import (
	"context"
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/bench/load"
)

// messageSize is how many bytes a publication has.
const messageSize = 128

// pace is the interval of the paced fan-out: 20 messages a second.
const pace = 50 * time.Millisecond

// fanCase is publications to subscribers, each of which has a connection of its own and one topic.
type fanCase struct {
	topics, subscribers, window int
	paced                       bool
	quick                       int // rounds of a quick run: see family
}

// measure subscribes, publishes, and counts deliveries.
func (c fanCase) measure(dial load.DialBus) func(context.Context, *Env, *target) (sample, error) {
	return func(ctx context.Context, env *Env, t *target) (sample, error) {
		s, _, err := c.run(ctx, env, t, dial)
		return s, err
	}
}

func (c fanCase) run(ctx context.Context, env *Env, t *target, dial load.DialBus) (s sample, messages int64, err error) {
	bus, err := dial(ctx, t.address)
	if err != nil {
		return s, 0, err
	}
	defer bus.Close()
	f := load.NewFan(bus, c.topics, c.window, messageSize)
	if err := f.Subscribe(ctx, c.subscribers, func(i int) []int { return []int{i % c.topics} }); err != nil {
		return s, 0, err
	}
	publish := func(lasts time.Duration, m *load.Meter) (int64, error) {
		if c.paced {
			return f.RunPaced(ctx, pace, time.Now().Add(lasts), m)
		}
		return f.Run(ctx, time.Now().Add(lasts), m)
	}
	var m load.Meter
	if _, err := publish(env.Warm, &m); err != nil {
		return s, 0, err
	}
	m.Reset()
	before, err := t.usage()
	if err != nil {
		return s, 0, err
	}
	lasts := env.Lasts
	if c.paced {
		lasts *= 3 // there are few messages
	}
	messages, err = publish(lasts, &m)
	if err != nil {
		return s, 0, err
	}
	after, err := t.usage()
	ops := m.Ops.Load()
	if c.subscribers == 0 {
		ops = messages
	} else if want := messages * int64(c.subscribers/c.topics); ops != want {
		return s, 0, fmt.Errorf("%d deliveries of %d messages, want %d", ops, messages, want)
	}
	return between(before, after, ops, &m), messages, err
}

type busPeer struct {
	peer
	dial load.DialBus
}

func (c fanCase) experiment(name, about string, comparisons []comparison, peers ...busPeer) Experiment {
	f := family{name: name, about: about, cases: comparisons, quick: c.quick}
	for _, p := range peers {
		f.subjects = append(f.subjects, subject{peer: p.peer, measure: c.measure(p.dial)})
	}
	return f.experiment()
}

// fanouts are the cases of pub/sub with their goals.
func fanouts() []Experiment {
	us := busPeer{trefoil, load.DialTopics}
	once := busPeer{framed, load.DialFramed}
	queues := busPeer{prepared, load.DialPrepared}
	overWS := busPeer{natsWS, load.DialNATSWebSocketTopics}
	overTCP := busPeer{natsTCP, load.DialNATSTopics}
	rooms := busPeer{socketIO, load.DialSocketIORooms}
	longPolls := busPeer{polling, load.DialLongPolling}
	return []Experiment{
		fanCase{topics: 1, subscribers: 1000, window: 8}.experiment("fanout-1000", "pub/sub: 128 bytes to 1,000 subscribers, 8 messages in flight; an operation is a delivery",
			[]comparison{{"cpu", metricCPU, ours, map[string]float64{framed.name: 1.3, natsWS.name: 0.6, socketIO.name: 0.2}}, {"ops", metricOps, ours, nil}},
			us, once, queues, overWS, overTCP, rooms),
		fanCase{topics: 1, subscribers: 5000, window: 8, quick: 3}.experiment("fanout-5000", "pub/sub: 128 bytes to 5,000 subscribers, 8 messages in flight; an operation is a delivery",
			[]comparison{{"cpu", metricCPU, ours, map[string]float64{natsWS.name: 0.45}}, {"ops", metricOps, ours, nil}},
			us, once, overWS),
		fanCase{topics: 1000, subscribers: 10_000, window: 64, quick: 3}.experiment("fanout-1000x10", "pub/sub: 1,000 topics of 10 subscribers, 128 bytes, 64 messages in flight on as many topics; an operation is a delivery",
			[]comparison{{"cpu", metricCPU, ours, map[string]float64{natsWS.name: 0.8}}, {"ops", metricOps, ours, nil}},
			us, overWS),
		fanCase{topics: 1, subscribers: 1000, window: 8, paced: true}.experiment("fanout-paced", "pub/sub: 20 messages a second of 128 bytes to 1,000 subscribers; an operation is a delivery",
			[]comparison{{"cpu", metricCPU, ours, map[string]float64{prepared.name: 1.15}}, {"p99", metricP99, ours, map[string]float64{prepared.name: 1.2}}},
			us, queues, once, overWS, rooms, longPolls),
	}
}
