package simtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Counters say how often something has happened, by name.
type Counters map[string]int

// needed is what many seeds together must meet, or they would show little.
var needed = []string{
	"answers lost", "appends moved", "client restarts", "clock jumps", "committed", "conflicts", "crash after append before sync",
	"crash after sync before answer", "crash after answer", "crash before append", "crash idle", "crash in a checkpoint", "cuts",
	"cuts with frames under way", "disk errors", "duplicates answered", "failed checkpoints", "full queues", "hidden changes",
	"impatient users", "late copies", "new epochs", "objects taken away", "parted histories", "past states", "pieces", "reconnects", "refused", "reservations", "resets",
	"restores that lose commits", "restricted changes", "retries woken", "runs again", "saves", "sent again", "sessions sent away", "stalls",
	"strict reads", "transactions lost", "truncations", "uncertain appends", "undone", "unknown outcomes", "unsynced appends kept",
	"unsynced appends lost", "views of all",
}

// neededOffline is what seeds of [RunOffline] must meet besides.
var neededOffline = []string{
	"objects opened again", "objects opened again offline", "objects restored", "storage failures", "stored objects forgotten", "works committed", "works in the inbox", "works of several objects", "works restored", "works retried", "works submitted", "works submitted offline", "works unknown",
}

// Missing are the names of what a thousand seeds or so must have met at least once and these have not.
func (c Counters) Missing() []string { return c.lacks(needed) }

// MissingOffline is Missing of seeds of [RunOffline].
func (c Counters) MissingOffline() []string {
	return append(c.lacks(needed), c.lacks(neededOffline)...)
}

func (c Counters) lacks(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return c[name] > 0 })
}

func (c Counters) add(name string) { c[name]++ }

// Merge adds other to c.
func (c Counters) Merge(other Counters) {
	for name, n := range other {
		c[name] += n
	}
}

// String lists the counters by name.
func (c Counters) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(&b, "%9d  %s\n", c[name], name)
	}
	return b.String()
}
