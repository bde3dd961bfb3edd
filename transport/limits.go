package transport

import "fmt"

// Limits of docs/PROTOCOL.md, section 11, and what this implementation chose
// within them.
const (
	defaultMaxMessage = 1 << 20
	defaultMaxFrame   = 4 << 20
	defaultMaxPartial = 8 << 20
	defaultOutbound   = 1 << 20

	// leastLimit is the least that a peer may announce.
	leastLimit = 4096
	// openingMessage bounds a message to a peer whose limits are not known yet,
	// and for that reason also one from such a peer.
	openingMessage = 64 << 10
	// maxUnfinished bounds the chunked frames that are under way at a time in one
	// direction: without it frames of no bytes would cost nothing and fill memory.
	maxUnfinished = 256

	// batchSize is where a message is ended although the peer would take more: large
	// enough to make the system call cheap, small enough to keep others waiting only briefly.
	batchSize = 64 << 10
	// chunkSize is the largest frame that is not cut, and the length of the pieces.
	chunkSize = 16 << 10
	// controlReserve is what control frames may use beyond the outbound budget.
	controlReserve = 64 << 10
	// handOver is how many queued bytes a reading goroutine writes itself at most.
	handOver = 64 << 10
)

// limits are what one side accepts, in bytes.
type limits struct{ message, frame, partial int }

// opening are the limits assumed of a peer before it told its own.
var opening = limits{message: openingMessage, frame: openingMessage, partial: openingMessage}

// own are the limits that options ask for. It panics on those that cannot be announced.
func own(message, frame, partial int) limits {
	l := limits{message, frame, partial}
	for _, f := range []struct {
		name  string
		value *int
		byDef int
	}{{"MaxMessage", &l.message, defaultMaxMessage}, {"MaxFrame", &l.frame, defaultMaxFrame}, {"MaxPartial", &l.partial, defaultMaxPartial}} {
		if *f.value == 0 {
			*f.value = f.byDef
		}
		if *f.value < leastLimit || *f.value > 1<<30 {
			panic(fmt.Sprintf("transport: %s must lie between 4 KiB and 1 GiB", f.name))
		}
	}
	// What does not fit into all unfinished frames together can never be finished.
	l.partial = max(l.partial, l.frame)
	return l
}

// takes reports whether the peer with these limits accepts a frame of n bytes
// that is cut into chunks if it is larger than whole.
func (l limits) takes(n, whole int) bool {
	return n <= l.frame && (n <= whole || n <= l.partial)
}
