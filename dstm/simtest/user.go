package simtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
	"github.com/trefoilgo/trefoil/status"
)

// user is somebody who works with objects, one transaction after another: at a client or in a server.
type user struct {
	s        *simulation
	who      string
	open     func(name string) dstm.Object
	objects  map[string]dstm.Object
	doing    map[string]string // nil: nobody asks
	readable []tree.Path       // of the hand; nil: everything
}

// newUser is one of a client's users.
func (c *client) newUser() *user {
	return &user{s: c.s, who: c.owner.name, open: c.open, doing: c.doing, readable: c.readable(), objects: map[string]dstm.Object{}}
}

// work goes on until the client has done what it is to do.
func (c *client) work() {
	u := c.newUser()
	for c.left > 0 {
		c.left--
		if !u.operate() {
			c.left++
		}
		c.s.k.pause(c.s.k.between(0, c.s.think))
	}
}

// object opens an object unless it is open.
func (u *user) object(name string) dstm.Object {
	if u.objects[name] == nil {
		u.objects[name] = u.open(name)
	}
	return u.objects[name]
}

// operate runs one transaction and records what became of it, or looks at something, and says which.
func (u *user) operate() bool {
	s := u.s
	op := s.operations[s.k.rng.IntN(len(s.operations))]
	run := &operation{s: s, u: u, seed: s.k.rng.Uint64()}
	if op.hand {
		run.names = []string{hand}
	}
	for _, i := range s.k.rng.Perm(len(s.objects))[:min(op.objects, len(s.objects))] {
		run.names = append(run.names, s.objects[i])
	}
	for _, name := range run.names {
		run.objects = append(run.objects, u.object(name))
	}
	if op.alone != nil {
		op.alone(run)
		return false
	}
	s.tags++
	run.tag = fmt.Sprint(s.tags)
	run.out = witness.Outcome{Tag: run.tag, Since: s.record.Head()}
	restores := s.restores
	if u.doing != nil {
		u.doing[run.tag] = fmt.Sprint(op.name, " on ", run.names)
		defer delete(u.doing, run.tag)
	}
	ctx, stop := s.patience(op.sleeps)
	defer stop()
	commits, err := run.update(ctx, op)
	s.k.note("%s: %s on %v as %s: %v, %v", u.who, op.name, run.names, run.tag, commits, err)
	s.count.add("transactions")
	if run.asleep && status.CodeOf(err) == status.Canceled {
		run.overslept()
	}
	if errors.Is(err, dstm.ErrClosed) {
		clear(u.objects)
	}
	if restores != s.restores {
		return true // the log was put back meanwhile: what was told no longer counts
	}
	run.record(commits, err)
	if err == nil && op.then != nil && run.wrote {
		op.then(run, commits[0])
	}
	return true
}

// patience is how long a user waits for an answer: now and then not long; and for something to happen, a second at most.
func (s *simulation) patience(sleeps bool) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(context.Background())
	if sleeps {
		s.k.after(s.k.between(0, time.Second), stop)
	} else if s.impatient > 0 && s.k.chance(s.impatient) {
		s.k.after(s.k.between(0, 4*s.latency), stop)
		s.count.add("impatient users")
	}
	return ctx, stop
}

// operation is one transaction. What it chooses comes from its own seed, so that it is the same in each attempt.
type operation struct {
	s       *simulation
	u       *user
	seed    uint64
	state   uint64 // of the choices
	names   []string
	objects []dstm.Object
	txs     []*tx
	tag     string
	out     witness.Outcome
	wrote   bool
	runs    int
	ctx     context.Context // of the update
	asleep  bool            // it waits for something
}

// pick is a number below n, and another one the next time.
func (o *operation) pick(n int) int {
	o.state = o.state*6364136223846793005 + 1442695040888963407
	return int(o.state>>33) % n
}

// update runs the operation as a transaction.
func (o *operation) update(ctx context.Context, op *kind) ([]dstm.Commit, error) {
	o.ctx = ctx
	opts := []dstm.UpdateOption{dstm.Metadata(map[string]string{witness.Tag: o.tag})}
	if op.strict {
		opts = append(opts, dstm.Strict())
	}
	fn := func(raw *dstm.Tx) error {
		if o.runs++; o.runs > 1 {
			o.s.count.add("runs again")
		}
		o.state, o.out.Reads, o.txs = o.seed, nil, nil
		for i, object := range o.objects {
			facet := raw
			if len(o.objects) > 1 {
				facet = raw.In(object)
			}
			o.txs = append(o.txs, &tx{Tx: facet, object: o.names[i], reads: &o.out.Reads})
		}
		err := op.run(o)
		o.linger()
		o.wrote = false
		for _, t := range o.txs {
			o.wrote = o.wrote || len(t.wrote) > 0
		}
		return err
	}
	if len(o.objects) > 1 {
		return dstm.UpdateAll(ctx, o.objects, fn, opts...)
	}
	commit, err := o.objects[0].Update(ctx, fn, opts...)
	return []dstm.Commit{commit}, err
}

// record tells the witness what the user was told.
func (o *operation) record(commits []dstm.Commit, err error) {
	s := o.s
	switch {
	case err == nil && o.wrote:
		o.out.Position = uint64(commits[0].Position)
		if len(commits) == 1 {
			o.out.Object, o.out.Version = o.names[0], commits[0].Version
		}
		s.count.add("committed")
		s.record.Add(o.out, nil)
	case err == nil:
		if o.strictly() {
			o.out.Position = uint64(commits[0].Position)
			s.record.Read(o.out)
			s.count.add("strict reads")
		}
	case status.OutcomeUnknown(err):
		s.count.add("unknown outcomes")
		s.record.Add(o.out, err)
	default:
		s.count.add("refused")
		s.record.Add(o.out, err)
		if !allowed(err) {
			s.k.fail("%s: transaction %s: %v", o.u.who, o.tag, err)
		}
	}
}

func (o *operation) strictly() bool { return len(o.out.Reads) > 0 && o.s.strictReads[o.tag] }

// allowed reports whether a refusal is one that can be.
func allowed(err error) bool {
	for _, reason := range []error{dstm.ErrConflict, dstm.ErrDepends, dstm.ErrClosed, dstm.ErrBusy, dstm.ErrBounds, dstm.ErrStaleSequence, context.Canceled, errNothing} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return status.CodeOf(err) == status.Canceled
}

var errNothing = errors.New("nothing to do")
