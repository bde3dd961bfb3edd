package cases

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/trefoilgo/trefoil/bench/machine"
	"github.com/trefoilgo/trefoil/bench/report"
	"github.com/trefoilgo/trefoil/bench/scene"
	"github.com/trefoilgo/trefoil/bench/stats"
)

// returnGoal is how many times the bytes of the changes that one has missed coming back may take.
const returnGoal = 1.2

// Who is there while somebody is away.
const (
	author = iota
	present
	absent
	returnPeople
)

// back is a case about a client that comes back: what that takes, against the same changes sent to one who has stayed.
type back struct {
	name, about string
	scene       scene.Description
}

func (b back) experiment() Experiment { return Experiment{Name: b.name, About: b.about, Run: b.run} }

func (b back) run(ctx context.Context, env *Env) ([]report.Row, error) {
	var rows []report.Row
	var errs []error
	for _, s := range sharers {
		if s.interval > 0 || s.name == "changed item" || s.name == "whole document" { // to return is the same for all of these: the whole
			continue
		}
		live, returned, err := b.measure(ctx, env, s)
		if err != nil {
			live, returned = noSample(), noSample()
			errs = append(errs, fmt.Errorf("%s, %s: %w", b.name, s.name, err))
		}
		name := b.name + "/" + s.name
		mine, theirs := row(name, s.name+", back", []sample{returned}), row(name, s.name+", live", []sample{live})
		mine.Ratio = report.Number(stats.Ratio(metricBytes.better, returned.bytes, returned.bytes))
		theirs.Ratio = report.Number(stats.Ratio(metricBytes.better, returned.bytes, live.bytes))
		if strings.HasPrefix(s.name, ours) {
			theirs.Judge(metricBytes.name, stats.Goal{Better: metricBytes.better, Times: returnGoal})
		}
		if err != nil {
			mine.Failed, theirs.Failed = err.Error(), err.Error()
		}
		rows = append(rows, mine, theirs)
	}
	return rows, errors.Join(errs...)
}

// measure has one client away during all changes; live is what the one who stayed was sent, returned what the other one's new connection carried, its beginning included.
func (b back) measure(ctx context.Context, env *Env, s sharer) (live, returned sample, err error) {
	t, clients, play, err := bandwidth{name: b.name, scene: b.scene}.begin(ctx, env, s)
	if err != nil {
		return live, returned, err
	}
	defer func() { err = errors.Join(err, t.stop()) }()
	defer clients.Close()
	var begun [returnPeople]map[int]machine.Traffic // the connections when a client had joined
	for i := range begun {
		if err = clients.Join(ctx); err == nil {
			begun[i], err = t.traffic(ctx)
		}
		if err != nil {
			return live, returned, err
		}
	}
	clients.Leave(absent)
	for i, c := range play.Changes {
		if err := clients.Change(ctx, c); err != nil {
			return live, returned, fmt.Errorf("change %d: %w", i, err)
		}
	}
	played, err := t.traffic(ctx)
	if err != nil {
		return live, returned, err
	}
	if err := same(begun[present], played); err != nil {
		return live, returned, err
	}
	messages := clients.Messages()
	if err := clients.Return(ctx, absent); err != nil {
		return live, returned, err
	}
	ended, err := t.traffic(ctx)
	if err != nil {
		return live, returned, err
	}
	messages = clients.Messages() - messages
	if err := check(clients, play); err != nil {
		return live, returned, err
	}
	stayed := machine.Sum(fresh(begun[present], begun[author], played)).Minus(machine.Sum(fresh(begun[present], begun[author], begun[absent])))
	came := machine.Sum(fresh(ended, played, ended))
	live, returned = carried(stayed, 0, 1, len(play.Changes)), carried(came, messages, 1, len(play.Changes))
	live.messages = nan // those of the others are in it
	env.Log("%s, %s: %d bytes live, %d to come back", b.name, s.name, stayed.Both(), came.Both())
	return live, returned, nil
}

// fresh is what connections that are in after, but not in before, have carried at a moment.
func fresh(after, before, at map[int]machine.Traffic) map[int]machine.Traffic {
	out := map[int]machine.Traffic{}
	for port := range after {
		if _, old := before[port]; !old {
			out[port] = at[port]
		}
	}
	return out
}

func returns() []Experiment {
	return []Experiment{
		back{"bandwidth-return", "a client is back after 1,000 changes of 100 bytes under 20-byte paths each of its own, in a document of 600 KB; bytes are those of its new connection, connecting included, for each change",
			scene.Description{Kind: "absence", Items: 30, People: returnPeople, Changes: 1000}}.experiment(),
		back{"bandwidth-return-small", "the same in a document of ten such paths: the whole is less than the changes",
			scene.Description{Kind: "absence", Items: 1, People: returnPeople, Changes: 1000}}.experiment(),
	}
}
