package stats

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// fine is how many buckets there are between a power of two and the next: a bucket is at most 1/fine of its value wide.
const (
	fineBits = 7
	fine     = 1 << fineBits
	buckets  = (40 - fineBits + 1) * fine // up to 2^40 ns, 18 minutes
)

// Histogram counts durations in buckets that are less than one percent wide. The zero value is
// empty. All methods may be called from several goroutines at once.
type Histogram struct {
	counts [buckets]atomic.Uint32
	longer atomic.Uint32 // than the last bucket
}

// Add counts one duration; a negative one counts as zero.
func (h *Histogram) Add(d time.Duration) {
	i := bucket(uint64(max(d, 0)))
	if i >= buckets {
		h.longer.Add(1)
		return
	}
	h.counts[i].Add(1)
}

// Reset empties h.
func (h *Histogram) Reset() {
	for i := range h.counts {
		h.counts[i].Store(0)
	}
	h.longer.Store(0)
}

// Count is how many durations were added.
func (h *Histogram) Count() int {
	n := int(h.longer.Load())
	for i := range h.counts {
		n += int(h.counts[i].Load())
	}
	return n
}

// Percentile is the duration that the fraction p of all durations, 0 to 1, does not exceed: the nearest rank,
// as the middle of its bucket; 0 if h is empty.
func (h *Histogram) Percentile(p float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	rank := nearestRank(p, n)
	seen := 0
	for i := range h.counts {
		if seen += int(h.counts[i].Load()); seen >= rank {
			low, width := bounds(i)
			return time.Duration(low + width/2)
		}
	}
	return time.Duration(1) << 40
}

// bucket is the index for n nanoseconds: exact below fine, then fine buckets for each power of two.
func bucket(n uint64) int {
	if n < fine {
		return int(n)
	}
	shift := bits.Len64(n) - 1 - fineBits
	return (shift+1)*fine + int(n>>shift) - fine
}

// bounds are the least value of a bucket, and how many values it has.
func bounds(i int) (low, width uint64) {
	if i < fine {
		return uint64(i), 1
	}
	shift := i/fine - 1
	return uint64(i%fine+fine) << shift, 1 << shift
}
