package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
)

// auditor recomputes the house from its log alone: it verifies the chain of hashes, applies what each entry wrote to objects
// of its own, and looks after each whether the rules of the house held. It shares nothing with the store but the log.
type auditor struct {
	log      dstm.Log
	first    dstm.Position // of the first entry that there is
	position dstm.Position // of the last one that was read
	hash     [32]byte
	epoch    string
	epochs   []epochAt
	entries  int
	bids     int
	objects  map[string]*audited
	minted   Cents
	total    Cents // of all accounts
	off      Cents // by how much that was wrong at the last entry
	problems []string
	receipts map[dstm.Position]Receipt // bids by position; nil if they are not wanted
	bidders  map[dstm.Position]string
}

// audited is an object as the auditor has it.
type audited struct {
	version uint64
	root    map[string]any
}

type epochAt struct {
	position dstm.Position
	name     string
}

func newAuditor(log dstm.Log, receipts bool) *auditor {
	a := &auditor{log: log, first: 1, objects: map[string]*audited{}}
	if receipts {
		a.receipts, a.bidders = map[dstm.Position]Receipt{}, map[dstm.Position]string{}
	}
	return a
}

// mostProblems bounds what is told: one broken link is enough to know.
const mostProblems = 20

func (a *auditor) problem(format string, args ...any) {
	if len(a.problems) < mostProblems {
		a.problems = append(a.problems, fmt.Sprintf(format, args...))
	}
}

// advance reads on to the head of the log.
func (a *auditor) advance(ctx context.Context) error {
	head, err := a.log.Head(ctx)
	if err != nil || a.position >= head || a.first > 1 {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for entry, err := range a.log.Read(ctx, a.position) {
		if errors.Is(err, dstm.ErrTruncated) {
			a.first, err = reach(ctx, a.log, head)
			a.problem("the log begins at entry %d: what was before is gone, and balances cannot be recomputed", a.first)
			return err
		}
		if err != nil {
			return err
		}
		if err := a.step(entry); err != nil {
			a.problem("entry %d: %v", entry.Position, err)
		}
		if a.position = entry.Position; a.position >= head {
			return nil
		}
	}
	return context.Cause(ctx)
}

// reach finds the first entry of a log that was truncated.
func reach(ctx context.Context, log dstm.Log, head dstm.Position) (dstm.Position, error) {
	gone, there := dstm.Position(0), head
	for gone+1 < there {
		middle := gone + (there-gone)/2
		one, stop := context.WithCancel(ctx)
		var failure error
		for _, err := range log.Read(one, middle-1) {
			failure = err
			break
		}
		stop()
		switch {
		case errors.Is(failure, dstm.ErrTruncated):
			gone = middle
		case failure != nil:
			return 0, failure
		default:
			there = middle
		}
	}
	return there, nil
}

// step takes one entry.
func (a *auditor) step(entry dstm.Entry) error {
	r, err := dstm.ReadRecord(entry)
	if err != nil {
		return err
	}
	if r.Previous != a.hash {
		a.problem("entry %d does not follow on the one before: the chain of hashes is broken", r.Position)
	}
	a.hash, a.entries = r.Hash, a.entries+1
	if r.Kind == dstm.RecordEpoch {
		a.epoch = r.Epoch
		a.epochs = append(a.epochs, epochAt{r.Position, r.Epoch})
	}
	for _, part := range r.Parts {
		if err := a.apply(&r, &part); err != nil {
			return err
		}
	}
	if off := a.total - a.minted; off != a.off {
		if a.off = off; off != 0 { // told when it changes, not with each entry from there on
			a.problem("entry %d: people have %d cents, and %d were given out", r.Position, a.total, a.minted)
		}
	}
	return nil
}

// apply does what a commit wrote in one object.
func (a *auditor) apply(r *dstm.Record, part *dstm.RecordPart) error {
	o := a.objects[part.Object]
	if o == nil {
		o = &audited{root: map[string]any{}}
		a.objects[part.Object] = o
	}
	if part.Version != o.version+1 {
		a.problem("entry %d makes version %d of %q, which was at %d", r.Position, part.Version, part.Object, o.version)
	}
	o.version = part.Version
	was := o.facts(part.Object)
	for _, w := range part.Writes {
		if err := o.write(&w); err != nil {
			return fmt.Errorf("%s: %w", part.Object, err)
		}
	}
	is := o.facts(part.Object)
	a.total += is.worth - was.worth
	a.minted += is.minted - was.minted
	if is.least < 0 {
		a.problem("entry %d: %s is below zero", r.Position, part.Object)
	}
	if lot, ok := strings.CutPrefix(part.Object, "lot/"); ok {
		a.judge(r, lot, &was, &is)
	}
	return nil
}

// judge looks whether what happened to a lot may happen.
func (a *auditor) judge(r *dstm.Record, lot string, was, is *facts) {
	if is.price < was.price {
		a.problem("entry %d: the price of lot %s fell from %d to %d", r.Position, lot, was.price, is.price)
	}
	if was.state != "" && was.state != stateOpen && (is.price != was.price || is.leader != was.leader || is.state != was.state) {
		a.problem("entry %d: lot %s changed after the hammer", r.Position, lot)
	}
	if is.leader != "" && is.leader == is.seller {
		a.problem("entry %d: the seller of lot %s leads", r.Position, lot)
	}
	if is.price == was.price || is.price == 0 {
		return
	}
	a.bids++
	if r.User != "" && r.User != is.leader {
		a.problem("entry %d: %s bid for %s", r.Position, r.User, is.leader)
	}
	if account := a.objects[accountObject(is.leader)]; r.User == "" && account == nil {
		a.problem("entry %d: the leader of lot %s has no account", r.Position, lot)
	}
	if a.receipts != nil {
		a.receipts[r.Position] = Receipt{Lot: lot, Amount: is.price, Epoch: a.epoch, Position: uint64(r.Position)}
		a.bidders[r.Position] = is.leader
	}
}

// facts are what an auditor looks at in an object.
type facts struct {
	state, leader, seller string
	price, minted         Cents
	worth, least          Cents // of an account: all that is in it, and the least of its parts
}

func (o *audited) facts(name string) (f facts) {
	text := func(key string) string { s, _ := o.root[key].(string); return s }
	cents := func(v any) Cents { n, _ := v.(int64); return n }
	switch {
	case strings.HasPrefix(name, "lot/"):
		f.state, f.leader, f.seller, f.price = text("state"), text("leader"), text("seller"), cents(o.root["price"])
	case strings.HasPrefix(name, "account/"):
		f.worth = cents(o.root["available"])
		f.least = f.worth
		held, _ := o.root["held"].(map[string]any)
		for _, v := range held {
			f.worth += cents(v)
			f.least = min(f.least, cents(v))
		}
	case name == houseObject:
		f.minted = cents(o.root["minted"])
	}
	return f
}

// write does one write. The house uses three of the seven kinds.
func (o *audited) write(w *dstm.RecordWrite) error {
	if len(w.Path) == 0 {
		return errors.New("an object is replaced as a whole")
	}
	at := o.root
	for _, key := range w.Path[:len(w.Path)-1] {
		next, ok := at[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[key] = next
		}
		at = next
	}
	last := w.Path[len(w.Path)-1]
	switch w.Op {
	case "set":
		var value any
		if err := codec.Unmarshal(w.Value, &value); err != nil {
			return err
		}
		at[last] = value
	case "delete":
		delete(at, last)
	case "add":
		var n int64
		if err := codec.Unmarshal(w.Value, &n); err != nil {
			return err
		}
		was, _ := at[last].(int64)
		at[last] = was + n
	default:
		return fmt.Errorf("the house knows no %q", w.Op)
	}
	return nil
}

// users are all who have an account, in order.
func (a *auditor) users() (users []string) {
	for name := range a.objects {
		if user, ok := strings.CutPrefix(name, "account/"); ok {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users
}

// account is the balance of a user as recomputed.
func (a *auditor) account(user string) (view accountView, version uint64) {
	o := a.objects[accountObject(user)]
	if o == nil {
		return view, 0
	}
	cents := func(v any) Cents { n, _ := v.(int64); return n }
	view = accountView{Available: cents(o.root["available"]), Spent: cents(o.root["spent"]), Earned: cents(o.root["earned"]), Held: map[string]Cents{}}
	held, _ := o.root["held"].(map[string]any)
	for lot, v := range held {
		view.Held[lot] = cents(v)
	}
	return view, o.version
}
