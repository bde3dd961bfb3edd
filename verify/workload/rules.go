package workload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/verify/rig"
)

// overdraft: everybody takes what may not be there, and only a rule of the server forbids it.
func overdraft(ctx context.Context, r *rig.Rig, scale int, _ func(string, ...any)) error {
	return r.Each(5, rig.Checked+"bank", func(c *rig.Client, o dstm.Object, i int) error {
		for n := range 15 * scale {
			name, amount := account(r.Number(2)), r.Number(20)-10
			_, err := o.Update(ctx, func(tx *dstm.Tx) error {
				if n%3 == 0 {
					tx.Set(number(tx, name)+amount, name)
				} else {
					tx.Add(amount, nil, nil, name)
				}
				return nil
			})
			if err != nil && !errors.Is(err, dstm.ErrInvariant) && !expected(err) {
				return err
			}
			// What was just answered may still be predicted; what is confirmed may not be below zero.
			if err := o.ViewAt(ctx, o.Head().Version, func(tx *dstm.Tx) error {
				for _, name := range tx.Keys() {
					if n := number(tx, name); n < 0 {
						return fmt.Errorf("%s holds %d", name, n)
					}
				}
				return nil
			}); err != nil && !errors.Is(err, dstm.ErrHistory) && !passing(err) {
				return err
			}
		}
		return nil
	})
}

// sides are the maps of a private object that some may read, each in one of them.
var sides = []string{"left", "right"}

// private: everybody writes everywhere; some may read one side only, and learn nothing of the other.
func private(ctx context.Context, r *rig.Rig, scale int, _ func(string, ...any)) error {
	name := rig.Private + "board"
	var all []*reader
	for met := map[string]bool{}; len(met) <= len(sides) || len(all) < 6; {
		c, err := r.Client()
		if err != nil {
			return err
		}
		o, err := c.Client.Open(ctx, name) // not recorded as seen: most of them cannot read all of it
		if err != nil {
			return err
		}
		defer o.Close()
		m := &reader{object: r.Recorder.Watch(o)}
		if err := m.find(); err != nil {
			return err
		}
		met[m.side] = true
		all = append(all, m)
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var watchers, writers sync.WaitGroup
	failed := make(chan error, 2*len(all))
	for _, m := range all {
		watchers.Go(func() { failed <- m.watch(watching) })
		writers.Go(func() { failed <- m.write(ctx, r, 10*scale) })
	}
	writers.Wait()
	stop()
	watchers.Wait()
	for range 2 * len(all) {
		if err := <-failed; err != nil {
			return err
		}
	}
	return compareSides(ctx, all)
}

// reader is a client of a private object; its side is "" if it may read both.
type reader struct {
	object dstm.Object
	side   string
}

// find finds out which side may be read.
func (m *reader) find() error {
	var may []string
	for _, side := range sides {
		err := m.object.View(func(tx *dstm.Tx) error { tx.Read("both", side); return nil })
		switch {
		case err == nil:
			may = append(may, side)
		case !errors.Is(err, dstm.ErrDenied):
			return err
		}
	}
	switch len(may) {
	case 0:
		return errors.New("neither side may be read")
	case 1:
		m.side = may[0]
	}
	return nil
}

// write writes single values, and both sides at once, each value telling its side.
func (m *reader) write(ctx context.Context, r *rig.Rig, times int) error {
	for n := range times {
		value := func(side string) string { return fmt.Sprintf("%s-%d", side, r.Number(1000)) }
		side, key := sides[r.Number(len(sides))], fmt.Sprint(r.Number(4))
		whole, lone := r.Number(4) == 0, value(side)
		both := map[string]map[string]string{}
		for _, side := range sides {
			both[side] = map[string]string{key: value(side)}
		}
		_, err := m.object.Update(ctx, func(tx *dstm.Tx) error {
			switch {
			case whole:
				tx.Overwrite(both, "both")
			case side == m.side && n%2 == 0:
				tx.Set(lone, "both", side, key)
			default:
				tx.Overwrite(lone, "both", side, key)
			}
			return nil
		})
		if err != nil && !expected(err) {
			return err
		}
	}
	return nil
}

// watch fails when something of the other side is told.
func (m *reader) watch(ctx context.Context) error {
	for change, err := range m.object.Changes(ctx) {
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		for _, side := range sides {
			if m.side == "" || side == m.side {
				continue
			}
			for _, value := range []codec.Raw{change.Old, change.New} {
				if bytes.Contains(value, []byte(side+"-")) {
					return fmt.Errorf("who may read %s is told of %q at %q", m.side, value, change.Path)
				}
			}
		}
	}
	return nil
}

// compareSides compares what everybody holds with what one holds that may read everything.
func compareSides(ctx context.Context, all []*reader) error {
	held := func(m *reader, side string) (values map[string]string, err error) {
		err = m.object.View(func(tx *dstm.Tx) error { tx.Lookup(&values, "both", side); return nil })
		return values, err
	}
	var objects []dstm.Object
	var full *reader
	for _, m := range all {
		objects = append(objects, m.object)
		if m.side == "" {
			full = m
		}
	}
	for _, m := range all {
		if err := catchUp(ctx, m.object, objects...); err != nil {
			return err
		}
	}
	for _, m := range all {
		for _, side := range sides {
			if m.side != "" && side != m.side {
				continue
			}
			want, err := held(full, side)
			if err != nil {
				return err
			}
			have, err := held(m, side)
			if err != nil {
				return err
			}
			if !maps.Equal(have, want) {
				return fmt.Errorf("who may read %q holds %v at %s, where %v is", m.side, have, side, want)
			}
		}
	}
	return nil
}
