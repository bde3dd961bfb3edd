package dstm

import (
	"log/slog"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// StoreOptions configure a [Store]. The zero value and nil are good, but deny clients everything.
type StoreOptions struct {
	// Rules say what clients may do; for each object the first whose pattern matches counts. Without one
	// clients may neither open nor write the object.
	Rules []Rule
	// Invariant is asked inside the commit about each transaction that writes, after the invariants of the rules: about all of its objects
	// together, before and after, and who its author is. An error refuses it as one of [Rule.Invariant] does, and what is
	// said there of purity and haste holds. Unlike Open and Write it binds the store's own transactions too. nil means that all is good.
	Invariant func(t *Transition) error
	// LogName is the log's name on the wire; default "main".
	LogName string
	// Recent bounds the bytes of recent entries that are held for clients that come back or are
	// slow; what they missed beyond that they get as a snapshot. Default 16 MiB.
	Recent int
	// CheckpointEntries and CheckpointBytes say after how many entries of the log, or bytes of them, what has changed is
	// stored, whichever is first. They bound what a start has to read. Defaults 10,000 and 16 MiB.
	CheckpointEntries, CheckpointBytes int
	// KeepBytes says how much of the log, and so of history and of catching up by changes, stays behind the last checkpoint: an
	// entry is removed when KeepBytes of entries stand behind it, from checkpoint to checkpoint. Default Recent.
	KeepBytes int
	// KeepAge keeps entries that are younger, by the time in the log, even if KeepBytes would let them go. Default 0, none.
	KeepAge time.Duration
	// Resident bounds the bytes of objects, as far as their values take them in encoded form, that stay in memory although nobody has
	// them open and nothing of them is unsaved. In memory a value takes some ten times its encoded size. Default 8 MiB.
	Resident int
	// MaxObject bounds the bytes that the value of one object may take, ids of list elements counted; a transaction that would exceed it is refused with
	// dstm.too_large. Default and most: 16 MiB.
	MaxObject int
	// QueueLength and QueueBytes bound the transactions that wait for the log; beyond them clients are
	// answered dstm.busy, and so beyond a quarter of each are those that wait for objects to be loaded. Defaults 16,384 and 64 MiB.
	QueueLength, QueueBytes int
	// MaxOpen is how many objects one session may have open; default 1,000.
	MaxOpen int
	// MaxHistory is how many requests for the past all sessions together may have under way, each of which reads the log; one
	// more is answered dstm.busy. A session has at most 4. Default 64.
	MaxHistory int
	// MaxClients is how many clients are remembered so that what they send again is not done
	// twice; default 100,000, the oldest go first.
	MaxClients int
	// Retention is how long a client is remembered after its last transaction; default 14 days.
	Retention time.Duration
	// Clock is the time for log entries; default time.Now.
	Clock func() time.Time
	// Logger receives what only an operator can act on; default slog.Default().
	Logger *slog.Logger
}

// maxObject is the highest StoreOptions.MaxObject: with the versions of its nodes the object must fit into a [Piece].
const maxObject = 16 << 20

// withDefaults is a checked copy of o, which may be nil.
func (o *StoreOptions) withDefaults() (StoreOptions, error) {
	var out StoreOptions
	if o != nil {
		out = *o
	}
	if out.LogName == "" {
		out.LogName = "main"
	}
	if !txn.ValidName(out.LogName) {
		return out, status.New(status.InvalidArgument, ErrInvalid, "StoreOptions.LogName %q is no valid name", out.LogName)
	}
	for _, field := range []struct {
		name      string
		value     *int
		byDefault int
	}{
		{"Recent", &out.Recent, 16 << 20},
		{"CheckpointEntries", &out.CheckpointEntries, 10_000},
		{"CheckpointBytes", &out.CheckpointBytes, 16 << 20},
		{"Resident", &out.Resident, 8 << 20},
		{"MaxObject", &out.MaxObject, maxObject},
		{"QueueLength", &out.QueueLength, 16_384},
		{"QueueBytes", &out.QueueBytes, 64 << 20},
		{"MaxOpen", &out.MaxOpen, 1_000},
		{"MaxHistory", &out.MaxHistory, 64},
		{"MaxClients", &out.MaxClients, engine.DefaultMaxClients},
	} {
		if *field.value < 0 {
			return out, status.New(status.InvalidArgument, ErrInvalid, "StoreOptions.%s is negative", field.name)
		}
		if *field.value == 0 {
			*field.value = field.byDefault
		}
	}
	if out.KeepBytes == 0 {
		out.KeepBytes = out.Recent
	}
	switch {
	case out.KeepBytes < 0:
		return out, status.New(status.InvalidArgument, ErrInvalid, "StoreOptions.KeepBytes is negative")
	case out.KeepAge < 0:
		return out, status.New(status.InvalidArgument, ErrInvalid, "StoreOptions.KeepAge is negative")
	case out.Retention < 0:
		return out, status.New(status.InvalidArgument, ErrInvalid, "StoreOptions.Retention is negative")
	case out.MaxObject > maxObject:
		return out, status.New(status.InvalidArgument, ErrInvalid, "StoreOptions.MaxObject is above %d", maxObject)
	}
	if out.Logger == nil {
		out.Logger = slog.Default()
	}
	return out, nil
}
