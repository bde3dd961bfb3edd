// Package logtest is the contract kit of [dstm.Log]: one suite that every
// implementation passes unchanged, as testing/fstest is for io/fs.
//
//	func TestLog(t *testing.T) {
//		logtest.Run(t, func(t *testing.T) dstm.Log { return dstm.NewMemoryLog() })
//	}
//
// An implementation that persists, or that serves several nodes, says so with a [Backend] and is held to
// that too. [Faulty] is for the tests of whoever uses a log.
package logtest

import (
	"context"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
)

// Backend tells the kit how to open logs of one implementation, and what it promises beyond the interface.
type Backend struct {
	// Open returns a new, empty log. The kit closes it; whatever else there is to release
	// belongs into t.Cleanup. Required.
	Open func(t *testing.T) dstm.Log
	// Reopen closes log, restarts whatever holds its data, and opens the same log again. Nil: the log
	// does not persist.
	Reopen func(t *testing.T, log dstm.Log) dstm.Log
	// Share returns another handle on the same log, as a second node has it; closing one leaves the other open.
	// Nil: the log has one handle only.
	Share func(t *testing.T, log dstm.Log) dstm.Log
	// Patience is how long the kit waits for what must happen before it says that it does not; one
	// minute by default.
	Patience time.Duration
}

// Run runs the kit against what open returns: [Backend.Run] with nothing but Open.
func Run(t *testing.T, open func(t *testing.T) dstm.Log) {
	t.Helper()
	Backend{Open: open}.Run(t)
}

// Run runs each case of the kit as a subtest of t, on a new log each.
func (b Backend) Run(t *testing.T) {
	t.Helper()
	if b.Open == nil {
		t.Fatal("logtest: Backend.Open is required")
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := &kit{tb: t, patience: b.Patience}
			k.open = func() dstm.Log { return b.Open(t) }
			if b.Reopen != nil {
				k.reopen = func(log dstm.Log) dstm.Log { return b.Reopen(t, log) }
			}
			if b.Share != nil {
				k.share = func(log dstm.Log) dstm.Log { return b.Share(t, log) }
			}
			if k.patience == 0 {
				k.patience = time.Minute
			}
			k.run(c.run)
		})
	}
}

// cases is the whole contract. Names are part of test output only.
var cases = []struct {
	name string
	run  func(*kit)
}{
	{"empty", empty},
	{"append and read", appendAndRead},
	{"compare and append", compareAndAppend},
	{"empty batch", emptyBatch},
	{"large entries", largeEntries},
	{"race for one position", raceForOnePosition},
	{"concurrent appenders", concurrentAppenders},
	{"batches are atomic", batchesAreAtomic},
	{"head is linearizable", headIsLinearizable},
	{"data is copied", dataIsCopied},
	{"done contexts", doneContexts},
	{"read from anywhere", readFromAnywhere},
	{"read follows", readFollows},
	{"read ends with its context", readEndsWithContext},
	{"read holds nothing back", readHoldsNothingBack},
	{"several readers", severalReaders},
	{"save and load", saveAndLoad},
	{"save replaces", saveReplaces},
	{"save skips what is older", saveSkipsOlder},
	{"save removes", saveRemoves},
	{"save one key twice", saveOneKeyTwice},
	{"save is all or none", saveIsAllOrNone},
	{"pieces are copied", piecesAreCopied},
	{"large pieces", largePieces},
	{"done contexts for pieces", donePieceContexts},
	{"list in order", listOrder},
	{"many pieces", manyPieces},
	{"random pieces", randomPieces},
	{"list ends with its context", listEndsWithContext},
	{"list holds nothing back", listHoldsNothingBack},
	{"saves race", savesRace},
	{"saves are atomic", savesAreAtomic},
	{"save beside everything", saveBesideEverything},
	{"close while saving", closeWhileSaving},
	{"truncate precondition", truncatePrecondition},
	{"truncate", truncate},
	{"truncate everything", truncateEverything},
	{"close", closeEndsEverything},
	{"close while appending", closeWhileAppending},
	{"reopen", reopenKeepsEverything},
	{"several handles", severalHandles},
}

// tb is what the cases use of *testing.T, so that the kit's own tests can see it fail.
type tb interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// kit is one running case.
type kit struct {
	tb
	open     func() dstm.Log
	reopen   func(dstm.Log) dstm.Log // nil if not persistent
	share    func(dstm.Log) dstm.Log // nil if there is one handle only
	patience time.Duration

	ctx context.Context // done when the case has taken too long
}

func (k *kit) run(c func(*kit)) {
	ctx, cancel := context.WithTimeout(context.Background(), k.patience)
	defer cancel()
	k.ctx = ctx
	c(k)
}

// fresh opens a log that is closed at the end of the test.
func (k *kit) fresh() dstm.Log {
	k.Helper()
	log := k.open()
	k.closeLater(log)
	return log
}

func (k *kit) closeLater(log dstm.Log) {
	k.Cleanup(func() {
		if err := log.Close(); err != nil {
			k.Errorf("Close: %v", err)
		}
	})
}
