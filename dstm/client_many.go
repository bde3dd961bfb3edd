package dstm

import (
	"context"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/world"
	"github.com/trefoilgo/trefoil/status"
)

// together implements home.
func (c *Client) together(ctx context.Context, objects []*object) ([]*view, error) {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.name
	}
	for {
		views, steady, err := c.cut(handlesOf(objects), names)
		if err != nil || steady == nil {
			return views, err
		}
		c.world.Until(func() bool { return world.Closed(steady) || ctx.Err() != nil })
		if _, ok := world.Receive(ctx, steady); !ok {
			return nil, status.From(context.Cause(ctx))
		}
	}
}

// whole implements home.
func (c *Client) whole(ctx context.Context, objects []*object) error {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.name
	}
	for {
		coming := c.whenWhole(handlesOf(objects), names)
		if coming == nil {
			return nil
		}
		c.world.Until(func() bool { return world.Closed(coming) || ctx.Err() != nil })
		select {
		case <-coming:
		case <-ctx.Done():
			return status.From(context.Cause(ctx))
		}
	}
}

// whenWhole returns nil if nothing is on its way that replaces these objects, or one has ended; otherwise what will be closed when that
// may have changed.
func (c *Client) whenWhole(handles []*clientObject, names []string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	ended := slices.ContainsFunc(handles, func(h *clientObject) bool { return h.err != nil })
	if ended || c.core.Whole(names) {
		return nil
	}
	return c.nextSteady()
}

// cut takes the views of several objects at once; if they are not all of one position, it returns what will be closed when
// that may have changed.
func (c *Client) cut(handles []*clientObject, names []string) ([]*view, <-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	views := make([]*view, len(handles))
	for i, h := range handles {
		var err error
		if views[i], err = h.present(); err != nil {
			return nil, nil, err
		}
	}
	for _, v := range views[1:] {
		if v.log != views[0].log {
			return nil, nil, errTwoLogs(views[0], v)
		}
	}
	if steady := c.whenSteady(names); steady != nil {
		if err := c.ended(); err != nil { // they never will be
			return nil, nil, err
		}
		return nil, steady, nil
	}
	return views, nil, nil
}

// present implements home.
func (c *Client) present(object string) (*view, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.replicas[object]; s != nil && s.err == nil {
		if v := s.present(); v != nil {
			return v, nil
		}
	}
	return nil, errNotOpen(object)
}
