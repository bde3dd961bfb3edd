package cases

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/load"
)

// What the browser client is to reach, and how it is driven.
const (
	browserRate     = 50_000             // messages a second
	browserTask     = 50                 // ms
	browserPace     = 1.02 * browserRate // so that the pace's own error does not decide
	browserWindow   = 4096
	browserSenders  = 64
	browserLonger   = 3 // times as long as others: what the last message takes longer than the first must not decide
	chromiumInPath  = "chromium"
	chromiumSetting = "CHROMIUM"
)

// inBrowser is Trefoil with a page, and a Chromium that shows it.
var inBrowser = peer{ours, "in cases about a browser: pub/sub at its defaults to the TypeScript client in a page of Chromium without a screen; 64 publishers in Go, at most 4,096 messages ahead of the page", startBrowser}

func startBrowser(ctx context.Context, env *Env, s spec) (*target, error) {
	program := os.Getenv(chromiumSetting)
	if program == "" {
		program = chromiumInPath
	}
	chromium, err := need(program)
	if err != nil {
		return nil, err
	}
	node, err := need("node")
	if err != nil {
		return nil, err
	}
	home := filepath.Join(env.Home, "peers", "browser")
	if err := installPackages(ctx, env, home, "playwright-core"); err != nil {
		return nil, err
	}
	t, err := inRole("browser", 0)(ctx, env, s)
	if err != nil {
		return nil, err
	}
	t.load, err = child.Start(ctx, child.Spec{Command: []string{node, "browser.mjs", chromium, "http://" + t.address + "/"}, Dir: home})
	if err != nil {
		return nil, errors.Join(err, t.stop())
	}
	return t, nil
}

// pageReport is what the page says of itself; times in ms.
type pageReport struct {
	Count   int64   `json:"count"`
	MS      float64 `json:"ms"`
	Longest float64 `json:"longest"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	CPU     float64 `json:"cpu"`
	Failure string  `json:"failure"`
}

// browse publishes so many messages a second, or as many as get through if that is 0.
func browse(perSecond float64) func(context.Context, *Env, *target) (sample, error) {
	return func(ctx context.Context, env *Env, t *target) (sample, error) {
		bus, err := load.DialTopics(ctx, t.address)
		if err != nil {
			return sample{}, err
		}
		defer bus.Close()
		if _, err := t.load.Do("restart"); err != nil {
			return sample{}, err
		}
		stream, err := load.NewStream(ctx, bus, browserSenders, browserWindow, messageSize)
		if err != nil {
			return sample{}, err
		}
		if _, err := stream.Run(ctx, perSecond, time.Now().Add(env.Warm)); err != nil {
			return sample{}, err
		}
		if _, err := t.load.Do("begin"); err != nil {
			return sample{}, err
		}
		before, err := t.usage()
		if err != nil {
			return sample{}, err
		}
		messages, err := stream.Run(ctx, perSecond, time.Now().Add(browserLonger*env.Lasts))
		if err != nil {
			return sample{}, err
		}
		after, err := t.usage()
		if err != nil {
			return sample{}, err
		}
		var r pageReport
		if err := t.load.DoJSON("report", &r); err != nil {
			return sample{}, err
		}
		if r.Failure != "" || r.Count != messages {
			return sample{}, fmt.Errorf("the page has handled %d of %d messages %s", r.Count, messages, r.Failure)
		}
		task, err := longestTask(ctx, env, t, stream, perSecond)
		if err != nil {
			return sample{}, err
		}
		s := noSample()
		s.ops = float64(r.Count-1) / r.MS * 1000
		s.cpu = micros(after.cpu-before.cpu) / float64(r.Count)
		s.p50, s.p99, s.task, s.client = r.P50*1000, r.P99*1000, r.Longest, r.CPU*1000/float64(r.Count)
		s.taskCPU = task
		env.Log("longest task %.1f ms, with the most processor time %.1f ms, %.2f us of that a message", s.task, s.taskCPU, s.client)
		return s, nil
	}
}

// longestTask publishes once more, while the browser is traced, which costs so much that nothing else may be measured then: half a processor.
func longestTask(ctx context.Context, env *Env, t *target, stream *load.Stream, perSecond float64) (ms float64, err error) {
	if _, err := t.load.Do("trace"); err != nil {
		return 0, err
	}
	if _, err := stream.Run(ctx, perSecond, time.Now().Add(env.Lasts)); err != nil {
		return 0, err
	}
	err = t.load.DoJSON("task", &ms)
	return ms, err
}

func browsers() Experiment {
	const bounds = "50,000/s, 50 ms"
	goal := noSample()
	goal.ops, goal.task, goal.taskCPU = browserRate, browserTask, browserTask
	f := family{
		name:  "browser-messages",
		about: "pub/sub: 128 bytes to a page in Chromium, at a pace of 51,000 a second and as fast as it handles them; an operation is a message that the page has handled",
		cases: []comparison{
			{"paced-ops", metricOps, "paced", map[string]float64{bounds: 1}},
			{"paced-task", metricTask, "paced", map[string]float64{bounds: 1}},
			{"paced-task-cpu", metricTaskCPU, "paced", map[string]float64{bounds: 1}},
			{"most-ops", metricOps, "most", map[string]float64{bounds: 1}},
			{"most-task", metricTask, "most", map[string]float64{bounds: 1}},
			{"most-task-cpu", metricTaskCPU, "most", map[string]float64{bounds: 1}},
		},
		subjects: []subject{
			{peer: inBrowser, label: "paced", measure: browse(browserPace)},
			{peer: inBrowser, label: "most", measure: browse(0)},
			limit(bounds, goal),
		},
	}
	return f.experiment()
}
