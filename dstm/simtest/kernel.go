package simtest

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/world"
)

// kernel runs everything of a simulation: events in the order of virtual time, and tasks, which
// are coroutines that run until they wait. Never do two things happen at once, and nothing
// depends on anything but the seed.
type kernel struct {
	now    time.Duration // since the beginning
	count  uint64        // of events so far
	events eventHeap
	tasks  []*task // that wait, in the order in which they were made
	idle   []*coroutine
	task   *task // that runs, nil while an event does
	rng    *rand.Rand
	trace  trace
	fault  error // why the simulation has failed
}

// began is the virtual time at which simulations begin.
var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newKernel(seed uint64) *kernel {
	return &kernel{rng: rand.New(rand.NewPCG(seed, 0x7472_6566)), trace: trace{hash: fnv.New64a()}}
}

// fail ends the simulation; only the first counts.
func (k *kernel) fail(format string, args ...any) {
	if k.fault == nil {
		k.fault = fmt.Errorf(format, args...)
		k.note("FAILED: %v", k.fault)
	}
}

// chance is true once in n times.
func (k *kernel) chance(n int) bool { return k.rng.IntN(n) == 0 }

// between is a random duration.
func (k *kernel) between(least, most time.Duration) time.Duration {
	return least + time.Duration(k.rng.Int64N(int64(most-least)+1))
}

// event is something that happens at a time.
type event struct {
	at    time.Duration
	lane  int    // of events at the same time, those of a lower lane come first,
	order uint64 // and in a lane they come in order
	fn    func()
	off   bool
}

type eventHeap []*event

// Len implements [heap.Interface].
func (h eventHeap) Len() int { return len(h) }

// Less implements [heap.Interface].
func (h eventHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	switch {
	case a.at != b.at:
		return a.at < b.at
	case a.lane != b.lane:
		return a.lane < b.lane
	}
	return a.order < b.order
}

// Swap implements [heap.Interface].
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements [heap.Interface].
func (h *eventHeap) Push(x any) { *h = append(*h, x.(*event)) }

// Pop implements [heap.Interface].
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}

// after has fn called when d is over.
func (k *kernel) after(d time.Duration, fn func()) *event { return k.at(0, k.now+d, fn) }

// at has fn called at a time. Things that a product may begin in any order, as sessions in the order of a map, each have
// a lane, so that their order does not matter.
func (k *kernel) at(lane int, at time.Duration, fn func()) *event {
	k.count++
	e := &event{at: at, lane: lane, order: k.count, fn: fn}
	heap.Push(&k.events, e)
	return e
}

// step lets the next event happen, and then everything that no longer waits. It reports false when
// nothing is left to happen.
func (k *kernel) step() bool {
	for len(k.events) > 0 {
		e := heap.Pop(&k.events).(*event)
		if e.off {
			continue
		}
		k.now = e.at
		e.fn()
		k.settle()
		return true
	}
	return false
}

// maxTurns is how often tasks may run at one moment.
const maxTurns = 10_000

// settle resumes tasks until all of them wait.
func (k *kernel) settle() {
	for n, again := 0, true; again && k.fault == nil; n++ {
		if n > maxTurns {
			k.fail("tasks keep each other awake")
		}
		again = false
		for i := 0; i < len(k.tasks); i++ {
			if t := k.tasks[i]; !t.over && !t.asleep && (t.ready == nil || t.ready()) {
				k.resume(t)
				again = true
			}
		}
	}
	kept := k.tasks[:0]
	for _, t := range k.tasks {
		if !t.over {
			kept = append(kept, t)
		}
	}
	clear(k.tasks[len(kept):])
	k.tasks = kept
}

// owner is a process of the simulated system: what it began ends with it.
type owner struct {
	name string
	dead bool
}

// task is a goroutine of the simulated system.
type task struct {
	owner  *owner
	on     *coroutine
	ready  func() bool // nil: always
	asleep bool        // an event will wake it: ready need not be asked
	over   bool
	killed bool
}

// coroutine is what a task runs on. When the task is over the next one may have it, and the stack that has grown.
type coroutine struct {
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	run   func() // what next runs
}

// killed is what a task panics with that must not go on.
type killed struct{}

// spawn makes a task that begins when next the kernel settles.
func (k *kernel) spawn(o *owner, fn func()) *task {
	t := &task{owner: o, on: k.coroutine()}
	t.on.run = func() {
		defer func() {
			t.over = true
			if v := recover(); v != nil && v != any(killed{}) {
				k.fail("%s panics: %v\n%s", o.name, v, debug.Stack())
			}
		}()
		if !t.killed {
			fn()
		}
	}
	k.tasks = append(k.tasks, t)
	return t
}

// coroutine is one that runs nothing.
func (k *kernel) coroutine() *coroutine {
	if last := len(k.idle) - 1; last >= 0 {
		c := k.idle[last]
		k.idle = k.idle[:last]
		return c
	}
	c := &coroutine{}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for more := true; more; more = yield(struct{}{}) {
			c.run()
		}
	})
	return c
}

func (k *kernel) resume(t *task) {
	outer := k.task
	k.task = t
	t.on.next()
	k.task = outer
	if t.over {
		k.idle = append(k.idle, t.on)
	}
}

// await lets the task that runs wait until ready.
func (k *kernel) await(ready func() bool) {
	if ready() {
		return
	}
	t := k.task
	if t == nil {
		k.fail("an event waits")
		panic(killed{})
	}
	t.ready = ready
	k.wait(t)
}

// wait lets the task, which runs, wait until it is resumed.
func (k *kernel) wait(t *task) {
	if t.killed || !t.on.yield(struct{}{}) || t.killed {
		panic(killed{})
	}
}

// pause lets the task that runs wait for d.
func (k *kernel) pause(d time.Duration) {
	t := k.task
	t.ready, t.asleep = nil, true
	k.after(d, func() { t.asleep = false })
	k.wait(t)
}

// kill ends all that o began. What its tasks have deferred still runs.
func (k *kernel) kill(o *owner) {
	o.dead = true
	for _, t := range k.tasks {
		if t.owner == o && !t.over && t != k.task {
			t.killed = true
			k.resume(t)
		}
	}
}

// finish ends all tasks.
func (k *kernel) finish() {
	for _, t := range k.tasks {
		if !t.over {
			t.killed = true
			k.resume(t)
		}
	}
	for _, c := range k.idle {
		c.stop()
	}
	k.tasks, k.idle = nil, nil
}

// random is the kernel as a source of random bytes.
type random struct{ k *kernel }

// Read implements [io.Reader].
func (r random) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.k.rng.Uint32())
	}
	return len(b), nil
}

// world is the machine on which o runs.
func (k *kernel) world(o *owner, count Counters) *world.World {
	return &world.World{
		Now:    func() time.Time { return began.Add(k.now) },
		Random: random{k},
		After: func(d time.Duration, fn func()) func() {
			e := k.after(d, func() {
				if !o.dead {
					k.spawn(o, fn)
				}
			})
			return func() { e.off = true }
		},
		Go:    func(fn func()) { k.spawn(o, fn) },
		Await: k.await,
		Note:  count.add,
	}
}
