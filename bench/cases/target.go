package cases

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/bench/machine"
)

// target is a server that runs.
type target struct {
	process *child.Process
	address string
	port    int
	folder  string
	// load is another process that makes the load, nil if this one does.
	load *child.Process
	// stopping is done before the process is stopped, if it needs to be asked in its own way.
	stopping func()
}

// reach sets where the server can be reached.
func (t *target) reach(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	t.address = address
	t.port, err = strconv.Atoi(port)
	return err
}

// stop ends the server and removes its files.
func (t *target) stop() error {
	var errs []error
	if t.load != nil {
		errs = append(errs, t.load.Stop())
	}
	if t.stopping != nil {
		t.stopping()
	}
	if t.process != nil {
		errs = append(errs, t.process.Stop())
	}
	if t.folder != "" {
		errs = append(errs, os.RemoveAll(t.folder))
	}
	return errors.Join(errs...)
}

// usage is what the operating system says about a server at one moment.
type usage struct {
	at  time.Time
	cpu time.Duration
	// wire is what the connections of this process to it have carried; noWire if nobody knows.
	wire int64
}

func (t *target) usage() (usage, error) {
	cpu, err := machine.CPU(t.process.PID())
	if err != nil {
		return usage{}, err
	}
	u := usage{at: time.Now(), cpu: cpu}
	if t.port != 0 {
		u.wire, err = machine.Wire(t.port)
	}
	return u, err
}

// still is how long nothing may move until all counts as carried.
const still = 20 * time.Millisecond

// traffic is what the connections to the server have carried when nothing moves any more.
func (t *target) traffic(ctx context.Context) (map[int]machine.Traffic, error) {
	last, err := machine.Traffics(t.port)
	for err == nil {
		select {
		case <-time.After(still):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		var now map[int]machine.Traffic
		if now, err = machine.Traffics(t.port); err == nil && machine.Sum(now) == machine.Sum(last) {
			return now, nil
		}
		last = now
	}
	return nil, err
}

// spec is how a server is started.
type spec struct {
	label string   // tells what it was started for, in the name of its profile; none is made of a server without
	wrap  []string // a command to run it under
}

// peer is a server that can be started.
type peer struct {
	name string
	// settings are those that matter, for the list of peers.
	settings string
	start    func(ctx context.Context, env *Env, s spec) (*target, error)
}
