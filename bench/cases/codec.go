package cases

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/bench/load"
	"github.com/trefoilgo/trefoil/bench/machine"
	"github.com/trefoilgo/trefoil/bench/report"
	"github.com/trefoilgo/trefoil/bench/stats"
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/transport"
)

// request is a typical one.
type request struct {
	ID       int64             `json:"id"`
	User     string            `json:"user"`
	Text     string            `json:"text"`
	Price    float64           `json:"price"`
	Urgent   bool              `json:"urgent"`
	Tags     []string          `json:"tags"`
	Position point             `json:"position"`
	Labels   map[string]string `json:"labels"`
}

type point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

var typical = request{
	ID: 123456, User: "alice@example.org", Text: "two seats in the second row, please", Price: 49.5, Urgent: true,
	Tags: []string{"theatre", "evening"}, Position: point{12.25, 7.5}, Labels: map[string]string{"lang": "en", "tenant": "north"},
}

// here is a target that is this process.
func here(name, settings string) peer {
	return peer{name, settings, func(context.Context, *Env, spec) (*target, error) { return nil, nil }}
}

// coding measures encoding and decoding of the typical request; each result is checked.
func coding(encode func(any) ([]byte, error), decode func([]byte, any) error) func(context.Context, *Env, *target) (sample, error) {
	once := func() (int, error) {
		b, err := encode(&typical)
		if err != nil {
			return 0, err
		}
		var back request
		if err := decode(b, &back); err != nil {
			return 0, err
		}
		if back.ID != typical.ID || back.Text != typical.Text || len(back.Labels) != len(typical.Labels) {
			return 0, fmt.Errorf("it came back as %+v", back)
		}
		return len(b), nil
	}
	return func(ctx context.Context, env *Env, _ *target) (sample, error) {
		b, err := encode(&typical)
		if err != nil {
			return sample{}, err
		}
		var back request
		if err := decode(b, &back); err != nil || !reflect.DeepEqual(back, typical) {
			return sample{}, fmt.Errorf("it came back as %+v (%v)", back, err)
		}
		cpu, err := machine.CPU(os.Getpid())
		if err != nil {
			return sample{}, err
		}
		before := usage{at: time.Now(), cpu: cpu}
		var m load.Meter
		size, ops := 0, int64(0)
		for until := before.at.Add(env.Lasts); time.Now().Before(until); {
			for range 100 {
				if size, err = once(); err != nil {
					return sample{}, err
				}
			}
			ops += 100
		}
		cpu, err = machine.CPU(os.Getpid())
		s := between(before, usage{at: time.Now(), cpu: cpu}, ops, &m)
		s.p50, s.p99, s.bytes = nan, nan, float64(size)
		return s, err
	}
}

// envelopeAllocations writes a call and takes it apart again, and returns how often that allocates.
func envelopeAllocations() (float64, error) {
	buffer := make([]byte, 0, 256)
	payload := codec.AppendBytes(nil, make([]byte, 64))
	var failure error
	n := testing.AllocsPerRun(1000, func() {
		b := transport.AppendHeader(buffer[:0], 8, transport.NumberRPC, 1)
		b = codec.AppendInt(b, 123456)
		b = codec.AppendString(b, "echo")
		b = codec.AppendInt(b, 0)
		b = codec.AppendInt(b, 0)
		b = codec.AppendNil(b)
		b = append(b, payload...)
		if size, err := codec.Check(b); err != nil || size != len(b) {
			failure = fmt.Errorf("the envelope is malformed: %v", err)
		}
		frame := codec.NewReader(b, 1)
		r := frame.Array()
		pattern, kind, id, name := r.Int(), r.Int(), r.Int(), r.Text()
		if pattern != transport.NumberRPC || kind != 1 || id != 123456 || string(name) != "echo" || r.Err() != nil {
			failure = fmt.Errorf("the envelope came back as %d, %d, %d, %q", pattern, kind, id, name)
		}
	})
	return n, failure
}

// codecs compares the codec with encoding/json.
func codecs() Experiment {
	f := family{
		name:  "codec",
		about: "a typical request encoded and decoded once, in one goroutine; bytes are its size",
		subjects: []subject{
			{peer: here(ours, "codec.Marshal and codec.Unmarshal"), measure: coding(
				func(v any) ([]byte, error) { return codec.Marshal(v) },
				func(b []byte, v any) error { return codec.Unmarshal(b, v) })},
			{peer: here("encoding/json", "json.Marshal and json.Unmarshal"), measure: coding(json.Marshal, json.Unmarshal)},
		},
		cases: []comparison{{"ops", metricOps, ours, map[string]float64{"encoding/json": 2}}},
	}
	e := f.experiment()
	e.Run = func(ctx context.Context, env *Env) ([]report.Row, error) {
		rows, err := f.run(ctx, env)
		if err != nil {
			return rows, err
		}
		n, err := envelopeAllocations()
		if err != nil {
			return rows, err
		}
		return append(rows, allocationRows("codec/envelope-allocations", n)...), nil
	}
	return e
}

// allocationRows are a case about a number of allocations, which is to be zero: so the ratio is that of one more than these numbers.
func allocationRows(name string, allocations float64) []report.Row {
	mine, bound := row(name, ours, nil), row(name, "no allocation", nil)
	mine.Ratio, bound.Ratio = 1, report.Number(1/(1+allocations))
	bound.Judge(fmt.Sprintf("1 + %v allocations", allocations), stats.Goal{Better: stats.Lower, Times: 1})
	return []report.Row{mine, bound}
}
