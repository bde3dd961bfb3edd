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
	// LogName is the log's name on the wire; default "main".
	LogName string
	// Recent bounds the bytes of recent entries that are held for clients that come back or are
	// slow; what they missed beyond that they get as a snapshot. Default 16 MiB.
	Recent int
	// SnapshotEntries and SnapshotBytes say after how many entries, or bytes of them, a snapshot is
	// saved and the log truncated behind it, whichever is first. Defaults 10,000 and 16 MiB.
	SnapshotEntries, SnapshotBytes int
	// QueueLength and QueueBytes bound the transactions that wait for the log; beyond them clients are
	// answered dstm.busy. Defaults 16,384 and 64 MiB.
	QueueLength, QueueBytes int
	// MaxOpen is how many objects one session may have open; default 1,000.
	MaxOpen int
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
		{"SnapshotEntries", &out.SnapshotEntries, 10_000},
		{"SnapshotBytes", &out.SnapshotBytes, 16 << 20},
		{"QueueLength", &out.QueueLength, 16_384},
		{"QueueBytes", &out.QueueBytes, 64 << 20},
		{"MaxOpen", &out.MaxOpen, 1_000},
		{"MaxClients", &out.MaxClients, engine.DefaultMaxClients},
	} {
		if *field.value < 0 {
			return out, status.New(status.InvalidArgument, ErrInvalid, "StoreOptions.%s is negative", field.name)
		}
		if *field.value == 0 {
			*field.value = field.byDefault
		}
	}
	if out.Retention < 0 {
		return out, status.New(status.InvalidArgument, ErrInvalid, "StoreOptions.Retention is negative")
	}
	if out.Clock == nil {
		out.Clock = time.Now
	}
	if out.Logger == nil {
		out.Logger = slog.Default()
	}
	return out, nil
}
