// Package workload holds what people do with shared objects, each with what must be true of it in the end and
// all along. The workloads share nothing with the product but its public interface.
package workload

import (
	"context"
	"errors"
	"fmt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/verify/rig"
)

// Workload is one of them.
type Workload struct {
	// Name is what -only takes.
	Name string
	// About says what must be true.
	About string
	// Run does it on a system of its own; the larger scale, the more. It prints figures with say.
	Run func(ctx context.Context, r *rig.Rig, scale int, say func(format string, args ...any)) error
	// Calm says that the workload makes its trouble itself.
	Calm bool
}

// All are the workloads, in the order in which they run.
func All() []Workload {
	return []Workload{
		{Name: "bank", About: "transfers keep the sum, and nobody ever sees another", Run: bank},
		{Name: "skew", About: "of two who may each leave if the other stays, one stays", Run: skew},
		{Name: "aba", About: "in a strict object what came and went was a change", Run: aba, Calm: true},
		{Name: "recreate", About: "nobody writes into a map that was replaced meanwhile", Run: recreate, Calm: true},
		{Name: "phantom", About: "a limit on the number of keys holds", Run: phantom},
		{Name: "once", About: "every addition counts once, however often it was sent", Run: once},
		{Name: "moves", About: "moving elements of a list loses and doubles none", Run: moves},
		{Name: "auction", About: "the price only rises, nobody bids after the end, one wins", Run: auction},
		{Name: "queue", About: "what waits in two queues is taken once each, in order, by consumers that sleep", Run: queue},
		{Name: "away", About: "what is done without a connection shows at once and counts once later", Run: offline, Calm: true},
		{Name: "several", About: "transfers between objects keep the sum over all, in every view", Run: several},
		{Name: "overdraft", About: "a rule of the server keeps accounts from going below zero", Run: overdraft},
		{Name: "private", About: "who may read one side of an object sees all of it, and nothing of the other", Run: private},
		{Name: "undo", About: "undo puts back what was there, or touches nothing", Run: undo},
		{Name: "registers", About: "an order of all transactions explains what each read (porcupine)", Run: registers},
		{Name: "appends", About: "no cycle of dependencies among appends to lists (Adya's anomalies)", Run: appends},
	}
}

// expected reports whether an error of an Update is one that trouble explains: then the outcome is not a commit, or unknown.
func expected(err error) bool {
	return errors.Is(err, dstm.ErrConflict) || status.OutcomeUnknown(err)
}

// passing reports whether an error of a question to the server is one that trouble explains.
func passing(err error) bool {
	code := status.CodeOf(err)
	return code == status.Unavailable || code == status.ResourceExhausted
}

// number is the integer at path, 0 if there is none.
func number(tx *dstm.Tx, path ...string) int {
	n := 0
	tx.Lookup(&n, path...)
	return n
}

// look reads one integer of an object.
func look(o dstm.Object, path ...string) (n int, err error) {
	err = o.View(func(tx *dstm.Tx) error {
		n = number(tx, path...)
		return nil
	})
	return n, err
}

// catchUp waits until o is as the other objects of the same name are.
func catchUp(ctx context.Context, o dstm.Object, others ...dstm.Object) error {
	version := uint64(0)
	for _, other := range others {
		version = max(version, other.Head().Version)
	}
	if err := o.Wait(ctx, version); err != nil {
		return fmt.Errorf("waiting for version %d of %s: %w", version, o.Name(), err)
	}
	return nil
}
