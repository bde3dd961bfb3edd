// Package fault holds switches that break guarantees on purpose, so that tests
// can see that somebody notices, and points at which tests end the process. Nothing but tests uses them, and since the
// package is internal no program outside this module can.
package fault

import "sync/atomic"

// SkipConflicts makes the server commit transactions without looking whether
// what they read still holds. Set it back when the test ends.
var SkipConflicts atomic.Bool

var armed atomic.Pointer[func(point string)]

// The points that there are.
const (
	BeforeAppend = "before-append"
	BeforeAnswer = "before-answer" // the append is durable, nobody has been told
	InCheckpoint = "in-checkpoint" // some of what has changed is saved
)

// Point is passed where a crash is of interest. It costs one atomic load unless somebody has armed it.
func Point(point string) {
	if fn := armed.Load(); fn != nil {
		(*fn)(point)
	}
}

// Arm has fn called at every point; nil ends that.
func Arm(fn func(point string)) {
	if fn == nil {
		armed.Store(nil)
		return
	}
	armed.Store(&fn)
}
