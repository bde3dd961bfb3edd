package transport

import (
	"math/rand/v2"
	"time"
)

// backoff is exponential with full jitter: docs/PROTOCOL.md, section 9.
type backoff struct{ least, most time.Duration }

// delay is drawn uniformly from 0 to least * 2^attempt, at most most.
func (b backoff) delay(attempt int) time.Duration {
	top := b.most
	if attempt < 63 && b.least <= b.most>>attempt {
		top = b.least << attempt
	}
	return rand.N(top)
}
