package engine

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// world is a state with its memory and log, brought forward by requests; every step checks that
// replaying the entry leads to the same state.
type world struct {
	t      testing.TB
	state  State
	memory Memory
	log    [][]byte
	now    int64
}

func newWorld(t testing.TB, opts Options) *world {
	w := &world{t: t, state: New(opts), now: 1_000}
	w.begin("epoch-1")
	return w
}

func (w *world) begin(epoch string) {
	w.t.Helper()
	before := w.state
	next, _, data := Begin(before, w.now, epoch)
	w.accept(before, next, data)
}

func (w *world) accept(before, next State, data []byte) {
	w.t.Helper()
	if data != nil {
		replayed, e, err := Replay(before, data)
		if err != nil {
			w.t.Fatalf("replay: %v", err)
		}
		if !bytes.Equal(image(w.t, &replayed), image(w.t, &next)) || replayed.Hash != next.Hash {
			w.t.Fatalf("replaying entry %d leads to another state", e.Position)
		}
		w.log = append(w.log, data)
	} else if next.Position != before.Position {
		w.t.Fatal("the state moved without an entry")
	}
	w.state = next
}

// image is everything of a state that its pieces hold.
func image(_ testing.TB, s *State) []byte { return stored(s) }

func (w *world) decide(client byte, tx *txn.Transaction) Decision {
	w.t.Helper()
	return w.request(&Request{Client: ID{client}, User: "ann", Time: w.now, Tx: tx})
}

func (w *world) request(q *Request) Decision {
	w.t.Helper()
	before := w.state
	next, memory, d := Decide(before, w.memory, q)
	if (d.Entry == nil) != (d.Data == nil) {
		w.t.Fatal("an entry without data, or the other way round")
	}
	w.accept(before, next, d.Data)
	w.memory = memory
	return d
}

// tx makes a transaction with one part on the present version of object "o".
func (w *world) tx(sequence uint64, writes ...txn.Write) *txn.Transaction {
	return &txn.Transaction{
		Sequence: sequence, Position: w.state.Position,
		Parts: []txn.Part{{Object: "o", Epoch: w.state.Epoch, Base: w.state.Object("o").Version, Writes: writes}},
	}
}

func path(keys ...string) tree.Path { return keys }

func raw(v any) codec.Raw {
	b, err := codec.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func set(v any, keys ...string) txn.Write {
	return txn.Write{Op: txn.OpSet, Path: keys, Value: raw(v)}
}

func del(keys ...string) txn.Write { return txn.Write{Op: txn.OpDelete, Path: keys} }

func add(n any, keys ...string) txn.Write {
	return txn.Write{Op: txn.OpAdd, Path: keys, Value: raw(n)}
}

// outcome is a decision in short: "committed 3" with the version, or the reason.
func outcome(d Decision) string {
	if d.Refusal != nil {
		return string(d.Refusal.Reason)
	}
	return fmt.Sprint("committed ", d.Versions[0])
}

func expect(t testing.TB, d Decision, want string) {
	t.Helper()
	if got := outcome(d); got != want {
		t.Fatalf("%s in place of %s: %+v", got, want, d.Refusal)
	}
}
