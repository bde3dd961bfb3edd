package dstm_test

import (
	"context"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// stuckLog loads the object "slow" when it is told to, and then fails.
type stuckLog struct {
	dstm.Log
	release chan struct{}
}

func (l stuckLog) Load(ctx context.Context, key string) (dstm.Piece, error) {
	if key != "o/slow" {
		return l.Log.Load(ctx, key)
	}
	select {
	case <-l.release:
	case <-ctx.Done():
	}
	return dstm.Piece{}, status.New(status.Unavailable, "test.slow", "it cannot be read")
}

// Of two openings of an object that is being loaded, the later one is answered, also if it cannot be loaded.
func TestOpenedAnewWhileLoading(t *testing.T) {
	log := stuckLog{dstm.NewMemoryLog(), make(chan struct{})}
	n := newNode(t, log, nil, nil)
	r := n.raw(nil)
	r.send(r.openFrame(1, "slow", nil))
	r.send(codec.AppendString(codec.AppendString(transport.AppendHeader(nil, 4, transport.NumberDSTM, 5), ""), "slow"))
	r.send(r.openFrame(2, "slow", nil))
	r.open("quick", nil) // all has been read
	close(log.release)
	body := r.frame(3)
	body.Skip()
	if request := body.Int(); request != 2 {
		t.Fatalf("request %d is refused", request)
	}
	r.silent()
}

// Answers repeat no name that is longer than any may be: a session that does not read them would make them fill the memory.
func TestLongNamesAreNotRepeated(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, nil)
	r := n.raw(nil)
	long := strings.Repeat("\u00e4", 100_000)
	short := func(name string) {
		t.Helper()
		if len(name) > 255 || name == "" || !strings.HasPrefix(long, name) {
			t.Errorf("%d bytes of a name", len(name))
		}
	}
	r.send(r.openFrame(1, long, nil))
	body := r.frame(3)
	body.Skip()
	body.Skip()
	short(body.String())
	at := codec.AppendInt(codec.AppendString(codec.AppendInt(codec.AppendString(transport.AppendHeader(nil, 6, transport.NumberDSTM, 15), ""), 2), long), 0)
	r.send(at)
	body = r.frame(17)
	body.Skip()
	body.Skip()
	short(body.String())
	tx := r.tx("o", 0, set(1, "x"))
	r.send(tx.AppendBody(codec.AppendString(transport.AppendHeader(nil, 3+txn.BodyElements, transport.NumberDSTM, 7), long)))
	body = r.frame(9)
	short(body.String())
	if s := r.open("o", &resume{long, 1, 2, make([]byte, 8)}); s.snapshot == nil {
		t.Errorf("%+v", s)
	}
}
