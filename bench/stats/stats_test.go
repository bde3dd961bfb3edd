package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{math.NaN(), 7, math.NaN()}, 7},
	} {
		before := slices.Clone(c.values)
		if got := Median(c.values); got != c.want {
			t.Errorf("Median(%v) = %v, want %v", c.values, got, c.want)
		}
		if !slices.EqualFunc(before, c.values, func(a, b float64) bool { return a == b || a != a && b != b }) {
			t.Errorf("Median changed its argument %v", before)
		}
	}
	if got := Median(nil); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v", got)
	}
}

// TestBuckets: every value lies within its bucket, buckets do not overlap, and none is wider than 1/fine of its values.
func TestBuckets(t *testing.T) {
	next := uint64(0)
	for i := range buckets {
		low, width := bounds(i)
		if low != next {
			t.Fatalf("bucket %d begins at %d, want %d", i, low, next)
		}
		if bucket(low) != i || bucket(low+width-1) != i {
			t.Fatalf("bucket %d: %d and %d are in %d and %d", i, low, low+width-1, bucket(low), bucket(low+width-1))
		}
		if width > 1 && width*fine > low {
			t.Fatalf("bucket %d from %d is %d wide", i, low, width)
		}
		next = low + width
	}
	if next != 1<<40 {
		t.Errorf("the buckets end at %d", next)
	}
}

func TestPercentile(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var h Histogram
	if h.Percentile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	all := make([]time.Duration, 10_001)
	for i := range all {
		all[i] = time.Duration(random.ExpFloat64() * float64(50*time.Microsecond))
		h.Add(all[i])
	}
	slices.Sort(all)
	for _, p := range []float64{0, 0.01, 0.5, 0.99, 1} {
		want := all[nearestRank(p, len(all))-1]
		if got := h.Percentile(p); math.Abs(float64(got-want)) > float64(want)/fine+1 {
			t.Errorf("p%v is %v, want %v", p*100, got, want)
		}
	}
	if h.Count() != len(all) {
		t.Errorf("%d of %d were counted", h.Count(), len(all))
	}
	h.Reset()
	h.Add(-time.Second)
	h.Add(time.Hour)
	if h.Count() != 2 || h.Percentile(0.5) != 0 || h.Percentile(1) < 15*time.Minute {
		t.Errorf("out of bounds: %v, %v", h.Percentile(0.5), h.Percentile(1))
	}
}

func TestRank(t *testing.T) {
	for _, c := range []struct {
		p       float64
		n, want int
	}{{0.5, 1, 1}, {0.5, 2, 1}, {0.5, 3, 2}, {0.99, 100, 99}, {0.99, 101, 100}, {0, 5, 1}, {1, 5, 5}} {
		if got := nearestRank(c.p, c.n); got != c.want {
			t.Errorf("rank of %v in %d is %d, want %d", c.p, c.n, got, c.want)
		}
	}
}

func TestRatio(t *testing.T) {
	for _, c := range []struct {
		better       Better
		ours, theirs float64
		want         float64
	}{
		{Higher, 200, 100, 2},
		{Higher, 50, 100, 0.5},
		{Lower, 4, 8, 2},
		{Lower, 8, 4, 0.5},
	} {
		if got := Ratio(c.better, c.ours, c.theirs); got != c.want {
			t.Errorf("Ratio(%v, %v, %v) = %v, want %v", c.better, c.ours, c.theirs, got, c.want)
		}
	}
	for _, bad := range []float64{0, math.NaN()} {
		if got := Ratio(Higher, bad, 1); !math.IsNaN(got) {
			t.Errorf("ours %v gives %v", bad, got)
		}
		if got := Ratio(Lower, 1, bad); !math.IsNaN(got) {
			t.Errorf("theirs %v gives %v", bad, got)
		}
	}
	// Each round is compared with itself: the machine was three times slower in the second.
	got := Ratios(Higher, []float64{300, 100, 290}, []float64{150, 50, math.NaN()})
	if len(got) != 3 || got[0] != 2 || got[1] != 2 || !math.IsNaN(got[2]) {
		t.Errorf("Ratios are %v", got)
	}
	if m := Median(got); m != 2 {
		t.Errorf("their median is %v", m)
	}
}

func TestGoal(t *testing.T) {
	for _, c := range []struct {
		goal   Goal
		ours   float64
		theirs float64
		met    bool
		text   string
	}{
		{Goal{Higher, 1.7}, 171, 100, true, ">= 1.7x"},
		{Goal{Higher, 1.7}, 169, 100, false, ">= 1.7x"},
		{Goal{Lower, 0.55}, 54, 100, true, "<= 0.55x"},
		{Goal{Lower, 0.55}, 56, 100, false, "<= 0.55x"},
		{Goal{Lower, 1.15}, 114, 100, true, "<= 1.15x"},
		{Goal{Lower, 1.15}, 116, 100, false, "<= 1.15x"},
		{Goal{Lower, 1}, math.NaN(), 100, false, "<= 1x"},
	} {
		ratio := Ratio(c.goal.Better, c.ours, c.theirs)
		if got := c.goal.Met(ratio); got != c.met || c.goal.String() != c.text {
			t.Errorf("%v with %v against %v: met %v", c.goal, c.ours, c.theirs, got)
		}
	}
}
