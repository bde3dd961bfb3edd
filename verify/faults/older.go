package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
	"github.com/trefoilgo/trefoil/verify/rig"
)

// Older replaces the server's file by an older copy of it while clients are connected that know better. They must notice: a new
// epoch begins, all of them go on from what the copy holds, and nobody keeps anything else. Once they come back at once; once only
// when the copy has grown beyond what they have seen, so that only the hashes differ.
func Older(ctx context.Context, seed uint64, say func(format string, args ...any)) error {
	for _, grown := range []bool{false, true} {
		r, err := rig.New(ctx, rig.Options{Seed: seed, Process: true})
		if err != nil {
			return err
		}
		failed := (&replacement{rig: r, grown: grown}).run(ctx, say)
		if err := r.End(); failed == nil {
			failed = err
		}
		if failed != nil {
			return fmt.Errorf("with a copy that has grown %v: %w", grown, failed)
		}
	}
	return nil
}

// replacement is one file replaced by an older copy.
type replacement struct {
	rig     *rig.Rig
	grown   bool
	clients []*rig.Client
	objects []dstm.Object // of the clients, not recorded
}

const olderObject = "older"

func (o *replacement) run(ctx context.Context, say func(format string, args ...any)) error {
	var before dstmtest.Recorder
	for range 4 {
		c, err := o.rig.Client()
		if err != nil {
			return err
		}
		object, err := c.Client.Open(ctx, olderObject)
		if err != nil {
			return err
		}
		o.clients, o.objects = append(o.clients, c), append(o.objects, object)
	}
	p := o.rig.Process()
	if err := o.work(ctx, &before, 10+o.rig.Number(20)); err != nil {
		return err
	}
	p.Kill()
	copied, err := os.ReadFile(p.File)
	if err != nil {
		return err
	}
	if err := p.Restart(ctx); err != nil {
		return err
	}
	at := len(p.Entries())
	if err := o.work(ctx, &before, 5+o.rig.Number(20)); err != nil {
		return err
	}
	for _, c := range o.clients {
		c.Hold()
	}
	p.Kill()
	if err := p.Archive(ctx); err != nil {
		return err
	}
	lost := len(p.Entries()) - at
	if err := before.CheckEntries(p.Entries()); err != nil {
		return err
	}
	p.Forget(dstm.Position(at))
	if err := os.WriteFile(p.File, copied, 0o600); err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	if err := o.comeBack(ctx, lost); err != nil {
		return err
	}
	say("%d entries kept, %d lost, noticed by %d clients; version %d in the end", at, lost, len(o.clients), o.objects[0].Head().Version)
	return nil
}

// work has every client commit so often.
func (o *replacement) work(ctx context.Context, recorder *dstmtest.Recorder, commits int) error {
	var group sync.WaitGroup
	failed := make(chan error, len(o.objects))
	for i, object := range o.objects {
		group.Go(func() {
			for n := range commits {
				if _, err := recorder.Update(ctx, object, o.step(n, i)); err != nil {
					failed <- fmt.Errorf("client %d, commit %d: %w", i, n, err)
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func (o *replacement) step(n, client int) func(tx *dstm.Tx) error {
	return func(tx *dstm.Tx) error {
		tx.Set(o.rig.Number(1000), "key", fmt.Sprint(o.rig.Number(8)))
		tx.Set(number(tx, "total")+1, "total")
		tx.Insert(dstm.Last(), client*1000+n, "list")
		return nil
	}
}

// number is the integer at path, 0 if there is none.
func number(tx *dstm.Tx, path ...string) (n int) {
	tx.Lookup(&n, path...)
	return n
}

// comeBack lets the clients meet the older file, each with a transaction that waited, and then work on.
func (o *replacement) comeBack(ctx context.Context, lost int) error {
	epoch := o.objects[0].Head().Epoch
	waiting := make(chan error, len(o.objects))
	for i, object := range o.objects {
		go func() {
			_, err := o.rig.Recorder.Update(ctx, object, o.step(9999, i))
			waiting <- err
		}()
	}
	if o.grown {
		if err := o.grow(ctx, lost+10); err != nil {
			return err
		}
	}
	for _, c := range o.clients {
		c.Let()
	}
	for range o.objects {
		if err := <-waiting; err != nil {
			return fmt.Errorf("a transaction that was made before the file was replaced: %w", err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("it was not noticed that the file is an older one"))
	defer cancel()
	for _, object := range o.objects {
		for object.Head().Epoch == epoch {
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	if err := o.work(ctx, &o.rig.Recorder, 10); err != nil {
		return err
	}
	for i, c := range o.clients {
		if _, err := c.Object(olderObject); err != nil { // judged at the end
			return err
		}
		if got, want := o.objects[i].Head().Epoch, o.objects[0].Head().Epoch; got != want {
			return fmt.Errorf("clients are in the epochs %q and %q", want, got)
		}
	}
	return nil
}

// grow has somebody who knows nothing of what was lost commit as much and more.
func (o *replacement) grow(ctx context.Context, commits int) error {
	c, err := o.rig.Client()
	if err != nil {
		return err
	}
	object, err := c.Object(olderObject)
	if err != nil {
		return err
	}
	for n := range commits {
		if _, err := object.Update(ctx, o.step(n, 100)); err != nil {
			return err
		}
	}
	return nil
}
