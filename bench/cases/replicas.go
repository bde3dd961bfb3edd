package cases

import (
	"context"
	"errors"

	"github.com/trefoilgo/trefoil/bench/load"
)

const (
	replicas     = 100
	dstmChanges  = "trefoil, dstm"
	pubsubOfOurs = "trefoil pub/sub"
)

// delivery measures what a delivery to each of 100 costs: what a message costs that goes to nobody is subtracted from the server's processor time. For
// dstm that is the commit.
func delivery(dial load.DialBus) func(context.Context, *Env, *target) (sample, error) {
	return func(ctx context.Context, env *Env, t *target) (sample, error) {
		alone, _, err := fanCase{topics: 1, subscribers: 0, window: 8}.run(ctx, env, t, dial)
		if err != nil {
			return sample{}, err
		}
		s, messages, err := fanCase{topics: 1, subscribers: replicas, window: 8}.run(ctx, env, t, dial)
		if err != nil {
			return sample{}, err
		}
		s.cpu = deliveryCPU(s.cpu, alone.cpu, messages, messages*replicas)
		if s.cpu <= 0 {
			return sample{}, errors.New("deliveries cost nothing: the case is too short")
		}
		return s, nil
	}
}

// deliveryCPU is the processor time of a delivery without that of its message: each is what it is per delivery, alone that of a message.
func deliveryCPU(each, alone float64, messages, deliveries int64) float64 {
	return (each*float64(deliveries) - alone*float64(messages)) / float64(deliveries)
}

// dstmFan compares changes of a shared object with publications.
func dstmFan() Experiment {
	publications := trefoil
	publications.name = pubsubOfOurs
	publications.settings = "Trefoil's own pub/sub under the same load, for comparison"
	return family{
		name:  "dstm-fanout",
		about: "dstm: one writer, 100 replicas, 8 commits of 128 bytes in flight; an operation is a change that has reached a replica; CPU without that of the commit",
		subjects: []subject{
			{peer: trefoil, label: dstmChanges, measure: delivery(load.DialReplicas)},
			{peer: publications, measure: delivery(load.DialTopics)},
		},
		cases: []comparison{
			{"cpu", metricCPU, dstmChanges, map[string]float64{pubsubOfOurs: 1.3}},
			{"ops", metricOps, dstmChanges, nil},
		},
	}.experiment()
}
