package simtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
	"github.com/trefoilgo/trefoil/status"
)

// kind is a kind of transaction.
type kind struct {
	name    string
	objects int  // on how many
	hand    bool // or on the hand
	run     func(*operation) error
	strict  bool
	sleeps  bool                          // it may call Retry
	then    func(*operation, dstm.Commit) // after a commit
	alone   func(*operation)              // in place of all that
}

// operations are the kinds of transactions. Each keeps what others look for.
var operations = []kind{
	{name: "transfer", objects: 1, run: (*operation).transfer},
	{name: "transfer", objects: 1, run: (*operation).transfer},
	{name: "pay", objects: 1, run: (*operation).pay},
	{name: "audit", objects: 1, run: (*operation).audit},
	{name: "strict audit", objects: 1, run: (*operation).look, strict: true},
	{name: "ledger", objects: 1, run: (*operation).ledger},
	{name: "add", objects: 1, run: (*operation).add},
	{name: "places", objects: 1, run: (*operation).places},
	{name: "places", objects: 1, run: (*operation).places},
	{name: "places", objects: 1, run: (*operation).places},
	{name: "increment", objects: 1, run: (*operation).increment},
	{name: "undone", objects: 1, run: (*operation).increment, then: (*operation).undo},
	{name: "skew", objects: 1, run: (*operation).skew},
	{name: "members", objects: 1, run: (*operation).members},
	{name: "document", objects: 1, run: (*operation).document},
	{name: "slot", objects: 1, run: (*operation).slot},
	{name: "slot", objects: 1, run: (*operation).slot},
	{name: "below", objects: 1, run: (*operation).below},
	{name: "overwrite", objects: 1, run: (*operation).overwrite},
	{name: "extremes", objects: 1, run: (*operation).extremes},
	{name: "insert", objects: 1, run: (*operation).insert},
	{name: "move", objects: 1, run: (*operation).move},
	{name: "element", objects: 1, run: (*operation).element},
	{name: "put", objects: 1, run: (*operation).put},
	{name: "take", objects: 1, run: (*operation).take, sleeps: true},
	{name: "across", objects: 2, run: (*operation).across},
	{name: "across", objects: 3, run: (*operation).across},
	{name: "together", objects: 9, alone: (*operation).together},
	{name: "past", objects: 1, alone: (*operation).past},
	{name: "deal", hand: true, run: (*operation).deal},
	{name: "deal", hand: true, run: (*operation).deal},
	{name: "deal", hand: true, run: (*operation).deal},
	{name: "past deal", hand: true, alone: (*operation).pastDeal},
}

// someOperations are those that a run makes: all of them, or, as often, few, which then meet each other more often.
func (s *simulation) someOperations() []*kind {
	var some, alone []*kind
	for i := range operations {
		switch op := &operations[i]; {
		case op.hand && !s.hand:
		case op.alone != nil:
			alone = append(alone, op)
		default:
			some = append(some, op)
		}
	}
	if s.k.chance(2) {
		return append(some, alone...)
	}
	s.k.rng.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	return append(some[:5+s.k.rng.IntN(6)], alone[s.k.rng.IntN(len(alone))])
}

var accounts = []string{"a", "b", "c", "d"}

func (o *operation) transfer() error {
	t := o.txs[0]
	from, to := accounts[o.pick(4)], accounts[o.pick(4)]
	if from == to {
		return o.audit()
	}
	n := int64(1 + o.pick(9))
	a, b := t.number(inMaps, "bank", from), t.number(inMaps, "bank", to)
	t.Set(a-n, inMaps, "bank", from)
	t.Set(b+n, inMaps, "bank", to)
	return nil
}

// pay transfers by additions that conflict with nothing, if a guard says that there is enough.
func (o *operation) pay() error {
	t := o.txs[0]
	from, to, n := accounts[o.pick(4)], accounts[o.pick(4)], int64(1+o.pick(9))
	if from != to && t.guard(dstm.GreaterOrEqual, n, inMaps, "bank", from) {
		t.Add(-n, -1000, nil, inMaps, "bank", from)
		t.Add(n, nil, nil, inMaps, "bank", to)
		return nil
	}
	t.Add(1, nil, nil, inMaps, "declined")
	return nil
}

// look adds the accounts up.
func (o *operation) look() error {
	t := o.txs[0]
	o.s.strictReads[o.tag] = true
	sum := int64(0)
	for _, a := range accounts {
		sum += t.number(inMaps, "bank", a)
	}
	if t.Err() == nil && sum != 0 {
		o.s.k.fail("%s sees accounts of %s that make %d together", o.u.who, t.object, sum)
	}
	return nil
}

func (o *operation) audit() error {
	o.look()
	o.txs[0].Set(o.pick(100), inMaps, "audited")
	return nil
}

// ledger writes down the accounts as one value.
func (o *operation) ledger() error {
	o.txs[0].Set(o.txs[0].Read(inMaps, "bank"), inMaps, "ledger")
	return nil
}

func (o *operation) add() error {
	o.txs[0].Add(1+o.pick(3), nil, nil, inMaps, "count")
	return nil
}

const mostPlaces = 1

// places takes the only place, or gives it back, whether it is there to take or give back or not: what is refused now may be
// good soon.
func (o *operation) places() error {
	o.txs[0].Add(2*o.pick(2)-1, 0, mostPlaces, inMaps, "places")
	return nil
}

func (o *operation) increment() error {
	o.txs[0].Set(o.txs[0].number(inMaps, "count")+1, inMaps, "count")
	return nil
}

// undo takes the commit back, if nobody has come since.
func (o *operation) undo(commit dstm.Commit) {
	s := o.s
	s.tags++
	out := witness.Outcome{Tag: fmt.Sprint(s.tags), Object: o.names[0], Since: s.record.Head()}
	restores := s.restores
	undone, err := o.objects[0].Undo(context.Background(), commit, dstm.Metadata(map[string]string{witness.Tag: out.Tag}))
	s.k.note("%s: undo of %s as %s: %v, %v", o.u.who, o.tag, out.Tag, undone, err)
	if restores != s.restores || errors.Is(err, dstm.ErrHistory) {
		return
	}
	if err == nil {
		s.count.add("undone")
		out.Position, out.Version = uint64(undone.Position), undone.Version
	} else if !allowed(err) && !status.OutcomeUnknown(err) {
		s.k.fail("%s: undo: %v", o.u.who, err)
	}
	s.record.Add(out, err)
}

// skew gives one of two watches up if the other is held.
func (o *operation) skew() error {
	t := o.txs[0]
	mine, other := "x", "y"
	if o.pick(2) == 0 {
		mine, other = other, mine
	}
	held := 1
	if o.pick(2) == 0 && t.number(inMaps, "watch", other) == 1 {
		held = 0
	}
	t.Overwrite(held, inMaps, "watch", mine)
	return nil
}

const mostMembers = 5

// members lets one join as long as there is room, or one leave.
func (o *operation) members() error {
	t := o.txs[0]
	keys := t.Keys(inMaps, "members")
	if len(keys) > mostMembers {
		o.s.k.fail("%s sees %d members", o.u.who, len(keys))
	}
	switch {
	case len(keys) > 0 && o.pick(3) == 0:
		t.Delete(inMaps, "members", keys[o.pick(len(keys))])
	case len(keys) < mostMembers:
		t.Overwrite(o.pick(9), inMaps, "members", fmt.Sprint("m", o.pick(20)))
	default:
		t.Add(1, nil, nil, inMaps, "count")
	}
	return nil
}

// document deletes a map or makes it.
func (o *operation) document() error {
	t := o.txs[0]
	if t.Exists(inMaps, "doc") && o.pick(2) == 0 {
		t.Delete(inMaps, "doc")
	} else {
		t.Set(map[string]any{"title": o.pick(9), "pages": map[string]any{}}, inMaps, "doc")
	}
	return nil
}

// slot takes what nobody has, or gives up what somebody has: it comes and goes all the time.
func (o *operation) slot() error {
	t := o.txs[0]
	if t.Exists(inMaps, "slot") {
		t.Delete(inMaps, "slot")
	} else {
		t.Set(o.pick(9), inMaps, "slot")
	}
	return nil
}

// below writes into the map if it is there.
func (o *operation) below() error {
	t := o.txs[0]
	if !t.Exists(inMaps, "doc", "pages") {
		t.Add(1, nil, nil, inMaps, "count")
		return nil
	}
	page := fmt.Sprint(o.pick(5))
	if o.pick(2) == 0 {
		t.Overwrite(o.pick(5), inMaps, "doc", "pages", page)
	} else {
		t.Set(t.number(inMaps, "doc", "pages", page)+1, inMaps, "doc", "pages", page)
	}
	return nil
}

func (o *operation) overwrite() error {
	o.txs[0].Overwrite(strings.Repeat("text ", o.pick(100)), inMaps, "last", fmt.Sprint(o.pick(8)))
	return nil
}

func (o *operation) extremes() error {
	o.txs[0].Min(-o.pick(1000), inMaps, "least")
	o.txs[0].Max(o.pick(1000), inMaps, "most")
	return nil
}

// someID is the id of an element, "" if there is none.
func (o *operation) someID(t *tx, path ...string) string {
	ids := t.Keys(path...)
	if len(ids) == 0 {
		return ""
	}
	return ids[o.pick(len(ids))]
}

func (o *operation) insert() error {
	t := o.txs[0]
	at := dstm.Last()
	switch o.pick(4) {
	case 0:
		at = dstm.First()
	case 1:
		if id := o.someID(t, "list"); id != "" {
			at = dstm.After(id)
		}
	case 2:
		if id := o.someID(t, "list"); id != "" {
			at = dstm.Before(id)
		}
	}
	t.Insert(at, map[string]any{"n": o.pick(100)}, "list")
	return nil
}

func (o *operation) move() error {
	t := o.txs[0]
	id, anchor := o.someID(t, "list"), o.someID(t, "list")
	switch {
	case id == "":
		return o.insert()
	case id == anchor || o.pick(3) == 0:
		t.Move(id, []dstm.Place{dstm.First(), dstm.Last()}[o.pick(2)], "list")
	case o.pick(2) == 0:
		t.Move(id, dstm.After(anchor), "list")
	default:
		t.Move(id, dstm.Before(anchor), "list")
	}
	return nil
}

// element changes an element or removes it.
func (o *operation) element() error {
	t := o.txs[0]
	id := o.someID(t, "list")
	switch {
	case id == "":
		return o.insert()
	case o.pick(3) == 0:
		t.Delete("list", id)
	case o.pick(2) == 0:
		t.Add(1, nil, nil, "list", id, "n")
	default:
		t.Set(t.number("list", id, "n")+1, "list", id, "n")
	}
	return nil
}

// put puts something into a queue.
func (o *operation) put() error {
	t := o.txs[0]
	t.Insert(dstm.Last(), o.tag, []string{"queue", "other"}[o.pick(2)])
	return nil
}

// take takes the first of a queue, or else of the other, or sleeps.
func (o *operation) take() error {
	if o.runs > 1 {
		o.s.count.add("retries woken")
	}
	o.asleep = false
	from := func(queue string) func(*dstm.Tx) error {
		return func(*dstm.Tx) error {
			t := o.txs[0]
			ids := t.Keys(queue)
			if len(ids) == 0 {
				o.linger()
				o.asleep = o.ctx.Err() == nil // else it will not even lie down
				t.Retry()
			}
			o.asleep = false
			t.Delete(queue, ids[0])
			return nil
		}
	}
	return o.txs[0].OrElse(from("queue"), from("other"))
}

// linger takes its time now and then, while the world goes on.
func (o *operation) linger() {
	if o.pick(4) == 0 {
		o.s.k.pause(o.s.k.between(0, o.s.latency))
	}
}

// overslept fails if one that slept for as long as it could finds what it has waited for.
func (o *operation) overslept() {
	err := o.objects[0].View(func(tx *dstm.Tx) error {
		for _, queue := range []string{"queue", "other"} {
			if ids := tx.Keys(queue); len(ids) > 0 {
				o.s.k.fail("%s sleeps as %s although there is %q in %s", o.u.who, o.tag, ids, queue)
			}
		}
		return nil
	})
	if err != nil && !allowed(err) {
		o.s.k.fail("%s: a view: %v", o.u.who, err)
	}
}

// across moves something from one object to another.
func (o *operation) across() error {
	for _, t := range o.txs {
		t.number(inMaps, "count")
	}
	if len(o.txs) < 2 {
		return errNothing
	}
	n := int64(1 + o.pick(9))
	from, to := o.txs[0], o.txs[1]
	from.Set(from.number(inMaps, "shared")-n, inMaps, "shared")
	if o.pick(2) == 0 {
		to.Add(n, nil, nil, inMaps, "shared")
	} else {
		to.Set(to.number(inMaps, "shared")+n, inMaps, "shared")
	}
	return nil
}

// together looks at all objects at once.
func (o *operation) together() {
	ctx, stop := o.s.patience(true)
	defer stop()
	sum := int64(0)
	err := dstm.ViewAll(ctx, o.objects, func(raw *dstm.Tx) error {
		sum = 0
		for _, object := range o.objects {
			value := int64(0)
			raw.In(object).Lookup(&value, inMaps, "shared")
			sum += value
		}
		return nil
	})
	switch {
	case err == nil && sum != 0 && len(o.objects) == len(o.s.objects):
		o.s.k.fail("%s sees objects that make %d together", o.u.who, sum)
	case err == nil:
		o.s.count.add("views of all")
	case errors.Is(err, dstm.ErrClosed):
		clear(o.u.objects)
	case status.CodeOf(err) != status.Canceled:
		o.s.k.fail("%s: viewing all: %v", o.u.who, err)
	}
}

func (o *operation) past() { o.pastAt(nil) }

// pastAt looks at a part of an object as it was.
func (o *operation) pastAt(path tree.Path) {
	object := o.objects[0]
	head := object.Head().Version
	if head == 0 {
		return
	}
	version := head - uint64(o.s.k.rng.IntN(int(min(head, 20))))
	var value codec.Raw
	restores := o.s.restores
	ctx, stop := o.s.patience(true)
	defer stop()
	err := object.ViewAt(ctx, version, func(tx *dstm.Tx) error {
		value = slices.Clone(tx.Read(path...))
		return nil
	})
	switch {
	case err == nil:
		o.s.count.add("past states")
		if restores == o.s.restores {
			o.s.record.See(witness.Seen{Object: o.names[0], Version: version, Path: path, Value: value})
		}
	case errors.Is(err, dstm.ErrHistory), errors.Is(err, dstm.ErrTooLarge) && o.s.maxFrame < 1<<20:
		o.s.count.add("pasts out of reach")
	case errors.Is(err, dstm.ErrClosed):
		clear(o.u.objects)
	case errors.Is(err, dstm.ErrBusy), status.CodeOf(err) == status.Canceled, status.CodeOf(err) == status.Unavailable:
	default:
		o.s.k.fail("%s: version %d of %s: %v", o.u.who, version, o.names[0], err)
	}
}
