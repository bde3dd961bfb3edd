package cases

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/bench/load"
	"github.com/trefoilgo/trefoil/bench/machine"
	"github.com/trefoilgo/trefoil/bench/report"
	"github.com/trefoilgo/trefoil/bench/scene"
	"github.com/trefoilgo/trefoil/bench/stats"
)

// bandwidth is a case: a scene, how often something happens in it, and who is compared. It is driven by operations, not by time: so many polls belong to so many operations.
type bandwidth struct {
	name, about string
	scene       scene.Description
	every       time.Duration
	// without is a way to share that is another one here.
	without string
}

func (b bandwidth) experiment() Experiment {
	return Experiment{Name: b.name, About: b.about, Run: b.run}
}

func (b bandwidth) run(ctx context.Context, env *Env) ([]report.Row, error) {
	var rows []report.Row
	var errs []error
	mine := noSample()
	for _, s := range sharers {
		if s.name == b.without {
			continue
		}
		got, err := b.measure(ctx, env, s)
		for again := 0; again < replays && errors.Is(err, errReplaced); again++ {
			env.Log("%s, %s: %v; once more", b.name, s.name, err)
			got, err = b.measure(ctx, env, s)
		}
		if err != nil {
			got = noSample()
			errs = append(errs, fmt.Errorf("%s, %s: %w", b.name, s.name, err))
		}
		if s.name == ours {
			mine = got
		}
		one := row(b.name+"/"+metricBytes.name, s.name, []sample{got})
		one.Ratio = report.Number(stats.Ratio(metricBytes.better, mine.bytes, got.bytes))
		if err != nil {
			one.Failed = err.Error()
		}
		rows = append(rows, one)
	}
	return rows, errors.Join(errs...)
}

// measure plays the scene once, and sees to it that every client has at the end what it must have.
func (b bandwidth) measure(ctx context.Context, env *Env, s sharer) (result sample, err error) {
	t, clients, play, err := b.begin(ctx, env, s)
	if err != nil {
		return noSample(), err
	}
	defer func() { err = errors.Join(err, t.stop()) }()
	defer clients.Close()
	for range play.People {
		if err := clients.Join(ctx); err != nil {
			return noSample(), err
		}
	}
	joined, err := t.traffic(ctx)
	if err != nil {
		return noSample(), err
	}
	messages := clients.Messages()
	before, err := t.usage()
	if err != nil {
		return noSample(), err
	}
	for i, c := range play.Changes {
		if err := clients.Change(ctx, c); err != nil {
			return noSample(), fmt.Errorf("change %d: %w", i, err)
		}
		for range due(i, b.every, s.interval) {
			if err := clients.Poll(ctx); err != nil {
				return noSample(), err
			}
		}
	}
	played, err := t.traffic(ctx)
	if err != nil {
		return noSample(), err
	}
	if err := same(joined, played); err != nil {
		return noSample(), err
	}
	after, err := t.usage()
	if err != nil {
		return noSample(), err
	}
	messages = clients.Messages() - messages
	if err := check(clients, play); err != nil {
		return noSample(), err
	}
	result = carried(machine.Sum(played).Minus(machine.Sum(joined)), messages, play.People, len(play.Changes))
	result.join = float64(machine.Sum(joined).Both()) / float64(play.People)
	result.cpu = micros(after.cpu-before.cpu) / float64(len(play.Changes))
	env.Log("%s, %s: %.1f bytes down and %.1f up an operation and client, %.0f to join", b.name, s.name, result.down, result.up, result.join)
	return result, nil
}

// begin starts the server with the scene's document.
func (b bandwidth) begin(ctx context.Context, env *Env, s sharer) (*target, load.Shared, *scene.Scene, error) {
	play, err := b.scene.Make()
	if err != nil {
		return nil, nil, nil, err
	}
	t, err := s.start(ctx, env, spec{label: b.name + "." + s.name})
	if err != nil {
		return nil, nil, nil, err
	}
	if _, err := t.process.Do("scene " + b.scene.String()); err != nil {
		return nil, nil, nil, errors.Join(err, t.stop())
	}
	return t, s.dial(t.address, play), play, nil
}

// due is how many polls of each client fall behind operation i, before the next one; operations follow each other at a distance, the first one comes at the end of it.
func due(i int, every, interval time.Duration) int {
	if interval == 0 {
		return 0
	}
	n := time.Duration(i)
	return int((n+1)*every/interval - n*every/interval)
}

// carried is the sample of what the connections of so many clients have carried for so many operations.
func carried(t machine.Traffic, messages int64, clients, operations int) sample {
	s := noSample()
	each := float64(clients) * float64(operations)
	s.bytes = float64(t.Both()) / float64(operations)
	s.down, s.up, s.messages = float64(t.Down)/each, float64(t.Up)/each, float64(messages)/each
	return s
}

// replays is how often a scene is played again whose connections did not last. net/http gives one up whose answer was there 50 ms
// before its own writer came to say that the request was sent, as happens on a machine that is busy otherwise.
const replays = 3

// errReplaced is that a connection was not there any more: what it carried is not known then.
var errReplaced = errors.New("a connection was replaced")

// same reports whether the same connections are there as before.
func same(before, now map[int]machine.Traffic) error {
	for port := range before {
		if _, ok := now[port]; !ok {
			return errReplaced
		}
	}
	if len(now) != len(before) {
		return errReplaced
	}
	return nil
}

// check compares what every client has with what must be there.
func check(clients load.Shared, play *scene.Scene) error {
	end, err := play.End()
	if err != nil {
		return err
	}
	want, err := end.JSON()
	if err != nil {
		return err
	}
	for i := range play.People {
		doc, err := clients.Doc(i)
		if err != nil {
			return err
		}
		got, err := doc.JSON()
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("client %d has another document than the others: %.300s in place of %.300s", i, got, want)
		}
	}
	return nil
}

func bandwidths() []Experiment {
	const figures = "; figures are of each operation, and of each client; CPU is the server's"
	board := scene.Description{Kind: "whiteboard", Items: 500, People: 10, Changes: 200}
	lot := scene.Description{Kind: "auction", Items: 1, People: 50, Changes: 100}
	calmBoard, calmLot := board, lot
	calmBoard.Changes, calmLot.Changes = 20, 20
	var all []Experiment
	for _, b := range []bandwidth{
		{"bandwidth-whiteboard", "a whiteboard of 500 shapes, 10 people, each of whom moves a shape every 5 s: 2 operations a second" + figures, board, 500 * time.Millisecond, ""},
		{"bandwidth-whiteboard-calm", "the same whiteboard, an operation in 10 s" + figures, calmBoard, 10 * time.Second, ""},
		{"bandwidth-auction", "one lot, 50 watchers who also bid, a bid in 2 s" + figures, lot, 2 * time.Second, "changed item"},
		{"bandwidth-auction-calm", "the same lot, a bid in 30 s" + figures, calmLot, 30 * time.Second, "changed item"},
	} {
		all = append(all, b.experiment())
	}
	return append(all, returns()...)
}
