// Package fault holds switches that break guarantees on purpose, so that tests
// can see that somebody notices. Nothing but tests sets them, and since the
// package is internal no program outside this module can.
package fault

import "sync/atomic"

// SkipConflicts makes the server commit transactions without looking whether
// what they read still holds. Set it back when the test ends.
var SkipConflicts atomic.Bool
