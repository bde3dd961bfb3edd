package logtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// batch makes a batch with a random id.
func batch(entries ...[]byte) dstm.Batch {
	b := dstm.Batch{Entries: entries}
	rand.Read(b.ID[:]) //nolint:errcheck // never fails
	return b
}

// numbered makes n entries whose data tell their position, the first being after+1.
func numbered(after dstm.Position, n int) [][]byte {
	entries := make([][]byte, n)
	for i := range entries {
		entries[i] = dataAt(after + dstm.Position(i) + 1)
	}
	return entries
}

func dataAt(p dstm.Position) []byte { return fmt.Appendf(nil, "entry %d", p) }

// appendTo appends and fails the case if it does not work.
func (k *kit) appendTo(log dstm.Log, after dstm.Position, entries ...[]byte) dstm.Position {
	k.Helper()
	head, err := log.Append(k.ctx, after, batch(entries...))
	if err != nil {
		k.Fatalf("Append behind %d: %v", after, err)
	}
	if want := after + dstm.Position(len(entries)); head != want {
		k.Fatalf("Append of %d entries behind %d returned head %d, want %d", len(entries), after, head, want)
	}
	return head
}

// fill appends entries that tell their positions until the head is upto, in batches of several sizes.
func (k *kit) fill(log dstm.Log, upto dstm.Position) {
	k.Helper()
	head := k.head(log)
	for size := 1; head < upto; size = size%7 + 1 {
		head = k.appendTo(log, head, numbered(head, min(size, int(upto-head)))...)
	}
}

func (k *kit) head(log dstm.Log) dstm.Position {
	k.Helper()
	head, err := log.Head(k.ctx)
	if err != nil {
		k.Fatalf("Head: %v", err)
	}
	return head
}

func (k *kit) wantHead(log dstm.Log, want dstm.Position) {
	k.Helper()
	if head := k.head(log); head != want {
		k.Fatalf("Head is %d, want %d", head, want)
	}
}

// read takes n entries behind after and checks that their positions are dense.
func (k *kit) read(log dstm.Log, after dstm.Position, n int) []dstm.Entry {
	k.Helper()
	got, err := readSome(k.ctx, log, after, n)
	if err != nil {
		k.Fatalf("Read behind %d: %v", after, err)
	}
	return got
}

func readSome(ctx context.Context, log dstm.Log, after dstm.Position, n int) ([]dstm.Entry, error) {
	var got []dstm.Entry
	if n == 0 {
		return nil, nil
	}
	for e, err := range log.Read(ctx, after) {
		if err != nil {
			return got, err
		}
		if want := after + dstm.Position(len(got)) + 1; e.Position != want {
			return got, fmt.Errorf("yielded position %d, want %d", e.Position, want)
		}
		if got = append(got, e); len(got) == n {
			return got, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return got, fmt.Errorf("yielded %d entries of %d in all the time it had: %w", len(got), n, err)
	}
	return got, fmt.Errorf("ended after %d entries of %d although it must follow the head", len(got), n)
}

// wantNumbered checks that log holds exactly the entries from+1 to upto that fill makes.
func (k *kit) wantNumbered(log dstm.Log, from, upto dstm.Position) {
	k.Helper()
	for _, e := range k.read(log, from, int(upto-from)) {
		if !bytes.Equal(e.Data, dataAt(e.Position)) {
			k.Fatalf("entry %d holds %q, want %q", e.Position, e.Data, dataAt(e.Position))
		}
	}
	k.wantHead(log, upto)
}

// wantReason checks for an error of the interface: a *status.Error with the reason that does not leave the outcome open.
func (k *kit) wantReason(err error, reason status.Reason, what string) {
	k.Helper()
	var e *status.Error
	switch {
	case err == nil:
		k.Fatalf("%s: no error, want %s", what, reason)
	case !errors.Is(err, reason) || !errors.As(err, &e):
		k.Fatalf("%s: got the error %v, want a *status.Error with reason %s", what, err, reason)
	case e.Unknown:
		k.Fatalf("%s: %v says that the outcome is unknown", what, err)
	case !e.Code.Valid():
		k.Fatalf("%s: %v has no valid code", what, err)
	}
}

func (k *kit) wantCode(err error, code status.Code, what string) {
	k.Helper()
	if err == nil || !errors.Is(err, code) {
		k.Fatalf("%s: got the error %v, want code %s", what, err, code)
	}
}

// each runs f(0) ... f(n-1) at the same time and waits.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() { defer wg.Done(); f(i) }()
	}
	wg.Wait()
}
