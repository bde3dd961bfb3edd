package main

import (
	"context"
	"sync"

	"github.com/trefoilgo/trefoil/dstm"
)

// Limits of charts.
const (
	maxPoints = 2000
	maxCharts = 100 // that are remembered
)

// chart is the bids on a lot, as far as they were read from the log.
type chart struct {
	mu      sync.Mutex
	version uint64
	points  []Point
	last    Point
}

// history is the call lots.history: the log knows every bid and its time.
func (h *house) history(ctx context.Context, id string) ([]Point, error) {
	if _, err := h.readCard(ctx, id); err != nil {
		return nil, err
	}
	h.mu.Lock()
	c := h.charts[id]
	if c == nil {
		if len(h.charts) >= maxCharts {
			clear(h.charts)
		}
		c = &chart{}
		h.charts[id] = c
	}
	h.mu.Unlock()
	lot, err := h.objects.Open(ctx, lotObject(id))
	if err != nil {
		return nil, err
	}
	defer lot.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.read(ctx, lot); err != nil {
		return nil, err
	}
	points := make([]Point, len(c.points))
	for i, p := range c.points {
		p.LeaderName = h.people.name(p.Leader)
		points[i] = p
	}
	return points, nil
}

// read adds the bids since the last reading.
func (c *chart) read(ctx context.Context, lot dstm.Object) error {
	head := lot.Head().Version
	if head == c.version {
		return nil
	}
	for r, err := range lot.History(ctx, c.version, head) {
		if err != nil {
			return err
		}
		raised := false
		for _, change := range r.Changes {
			if len(change.Path) != 1 || change.New == nil {
				continue
			}
			switch change.Path[0] {
			case "price":
				c.last.Price, _, err = dstm.Decode[Cents](change.New)
				raised = c.last.Price > 0
			case "leader":
				c.last.Leader, _, err = dstm.Decode[string](change.New)
			case "bids":
				c.last.Bids, _, err = dstm.Decode[int64](change.New)
			}
			if err != nil {
				return err
			}
		}
		c.version = r.Version
		if raised {
			c.last.At = r.Time.UnixMilli()
			c.points = append(c.points, c.last)
		}
	}
	if extra := len(c.points) - maxPoints; extra > 0 {
		c.points = append([]Point(nil), c.points[extra:]...)
	}
	return nil
}
