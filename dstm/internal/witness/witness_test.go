package witness

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

func raw(v any) codec.Raw {
	b, _ := codec.Marshal(v)
	return b
}

// good is a short true history: three commits, one logged refusal, one refusal that is not logged.
func good() (History, []engine.State) {
	var h History
	s, _, data := engine.Begin(engine.New(engine.Options{}), 1, "epoch")
	h.Entries = append(h.Entries, data)
	var m engine.Memory
	states := []engine.State{s}
	decide := func(client byte, sequence uint64, again bool, reads []txn.Read, writes ...txn.Write) engine.Decision {
		tx := &txn.Transaction{Sequence: sequence, Again: again, Position: s.Position, Metadata: raw(map[string]any{Tag: fmt.Sprint(client, "/", sequence)})}
		tx.Parts = []txn.Part{{Object: "o", Epoch: s.Epoch, Base: s.Object("o").Version, Reads: reads, Writes: writes}}
		var d engine.Decision
		s, m, d = engine.Decide(s, m, &engine.Request{Client: engine.ID{client}, Time: 2, Tx: tx})
		if d.Data != nil {
			h.Entries = append(h.Entries, d.Data)
			states = append(states, s)
		}
		return d
	}
	write := func(op txn.Op, v any, keys ...string) txn.Write {
		return txn.Write{Op: op, Path: keys, Value: raw(v)}
	}
	absent := func(keys ...string) []txn.Read { return []txn.Read{{Kind: txn.ReadAbsent, Path: keys}} }
	decide(1, 1, false, absent("x"), write(txn.OpSet, 1, "x"))
	decide(1, 2, false, nil, write(txn.OpAdd, 2, "x"), write(txn.OpSet, "b", "m", "a"))
	decide(2, 1, true, absent("x"), write(txn.OpSet, 9, "x"))
	decide(2, 2, false, absent("x"), write(txn.OpSet, 9, "x"))
	decide(2, 3, false, nil, txn.Write{Op: txn.OpDelete, Path: tree.Path{"m"}})
	o := func(client byte, sequence uint64, result Result, position, version uint64, reads ...Read) Outcome {
		return Outcome{Client: engine.ID{client}, Sequence: sequence, Result: result, Position: position, Object: "o", Version: version, Reads: reads}
	}
	h.Outcomes = []Outcome{
		o(1, 1, Committed, 2, 1, Read{Object: "o", Path: tree.Path{"x"}, Value: nil}),
		o(1, 2, Committed, 3, 2, Read{Object: "o", Path: tree.Path{"x"}, Value: raw(1)}, Read{Object: "o", Path: nil, Value: raw(map[string]any{"x": 1})}),
		o(2, 1, Refused, 0, 0), o(2, 2, Refused, 0, 0),
		{Tag: "2/3", Result: Unknown, Since: 4, Reads: []Read{{Object: "o", Path: tree.Path{"m", "a"}, Value: raw("b")}}},
	}
	h.Seen = []Seen{{"o", 0, nil, raw(map[string]any{})}, {"o", 2, nil, raw(map[string]any{"x": 3, "m": map[string]any{"a": "b"}})}, {"o", 3, nil, raw(map[string]any{"x": 3})}}
	return h, states
}

func TestTrueHistory(t *testing.T) {
	h, _ := good()
	if err := Check(h); err != nil {
		t.Fatal(err)
	}
}

func TestFalseHistories(t *testing.T) {
	for name, c := range map[string]struct {
		corrupt func(h *History, states []engine.State)
		want    string
	}{
		"an entry is lost":            {func(h *History, _ []engine.State) { h.Entries = append(h.Entries[:2:2], h.Entries[3:]...) }, "says that it is"},
		"the last entry is lost":      {func(h *History, _ []engine.State) { h.Entries = h.Entries[:2] }, "is not in the log"},
		"an entry is damaged":         {func(h *History, _ []engine.State) { h.Entries[2] = bytes.Clone(h.Entries[2]); h.Entries[2][5]++ }, "does not follow"},
		"an entry is doubled":         {func(h *History, _ []engine.State) { h.Entries = append(h.Entries, h.Entries[4]) }, "says that it is"},
		"told another position":       {func(h *History, _ []engine.State) { h.Outcomes[0].Position = 3 }, "told to be committed at 3"},
		"told another version":        {func(h *History, _ []engine.State) { h.Outcomes[1].Version = 7 }, "made version 7"},
		"refused, but committed":      {func(h *History, _ []engine.State) { h.Outcomes[1].Result = Refused }, "told to be refused"},
		"committed, but refused":      {func(h *History, _ []engine.State) { h.Outcomes[3].Result = Committed }, "not in the log"},
		"a stale read":                {func(h *History, _ []engine.State) { h.Outcomes[1].Reads[0].Value = nil }, "read"},
		"a stale read of a tree":      {func(h *History, _ []engine.State) { h.Outcomes[1].Reads[1].Value = raw(map[string]any{}) }, "read"},
		"a read of an unanswered one": {func(h *History, _ []engine.State) { h.Outcomes[4].Reads[0].Value = nil }, "read"},
		"an order against time":       {func(h *History, _ []engine.State) { h.Outcomes[4].Since = 5 }, "began after 5"},
		"a replica that diverged":     {func(h *History, _ []engine.State) { h.Seen[2].Value = raw(map[string]any{"x": 4}) }, "somebody saw version 3"},
		"a replica of the future":     {func(h *History, _ []engine.State) { h.Seen[2].Version = 4 }, "somebody saw version 4"},
		"a replica of nothing":        {func(h *History, _ []engine.State) { h.Seen[0].Value = raw(map[string]any{"x": 4}) }, "somebody saw version 0"},
		"a record twice":              {func(h *History, _ []engine.State) { h.Outcomes = append(h.Outcomes, h.Outcomes[0]) }, "recorded twice"},
		"a transaction committed twice": {func(h *History, states []engine.State) {
			h.Entries = append(h.Entries[:4:4], again(states[3], 1, 1, "fresh"))
		}, "commit the same sequence"},
		"a tag committed twice": {func(h *History, states []engine.State) {
			h.Entries = append(h.Entries[:4:4], again(states[3], 3, 1, "1/1"))
		}, "commit the same transaction"},
		"a logged refusal that committed": {func(h *History, states []engine.State) {
			h.Outcomes[2].Result = Unknown
			h.Entries = append(h.Entries[:4:4], again(states[3], 2, 1, "fresh"))
		}, "commits what entry 4 refused"},
	} {
		t.Run(name, func(t *testing.T) {
			h, states := good()
			c.corrupt(&h, states)
			if err := Check(h); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// again commits something behind a state as a server would that knows no clients.
func again(s engine.State, client byte, sequence uint64, tag string) []byte {
	head := s.Head()
	forgetful := engine.Resume(engine.Options{}, &head)
	for name, o := range s.Each("") {
		forgetful = forgetful.Hold(name, *o)
	}
	set := []txn.Write{{Op: txn.OpSet, Path: tree.Path{"q"}, Value: raw(1)}}
	tx := &txn.Transaction{Sequence: sequence, Position: s.Position, Metadata: raw(map[string]any{Tag: tag})}
	tx.Parts = []txn.Part{{Object: "o", Epoch: s.Epoch, Base: s.Object("o").Version, Writes: set}}
	_, _, d := engine.Decide(forgetful, engine.Memory{}, &engine.Request{Client: engine.ID{client}, Time: 2, Tx: tx})
	return d.Data
}

func TestResultOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Result
	}{
		{nil, Committed},
		{status.New(status.Aborted, "dstm.conflict", ""), Refused},
		{status.New(status.Unavailable, "dstm.closed", "").MaybeDone(), Unknown},
		{fmt.Errorf("whatever"), Unknown},
	} {
		if got := ResultOf(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

func TestReadOnly(t *testing.T) {
	for _, c := range []struct {
		name string
		out  Outcome
		want string
	}{
		{"what was there", Outcome{Position: 2, Reads: []Read{{Object: "o", Path: tree.Path{"x"}, Value: raw(1)}, {Object: "o", Keys: true, Names: []string{"x"}}}}, ""},
		{"another value", Outcome{Position: 3, Reads: []Read{{Object: "o", Path: tree.Path{"x"}, Value: raw(1)}}}, "where there was"},
		{"a guard that held", Outcome{Position: 2, Reads: []Read{{Object: "o", Path: tree.Path{"x"}, Guard: func(v codec.Raw) bool { return bytes.Equal(v, raw(1)) }}}}, ""},
		{"a guard that did not", Outcome{Position: 3, Reads: []Read{{Object: "o", Path: tree.Path{"x"}, Guard: func(v codec.Raw) bool { return bytes.Equal(v, raw(1)) }}}}, "did not hold"},
		{"other keys", Outcome{Position: 2, Reads: []Read{{Object: "o", Keys: true, Names: []string{"y"}}}}, "where there were"},
		{"the past", Outcome{Position: 2, Since: 3}, "began after"},
		{"no position", Outcome{Position: 99}, "not in the log"},
	} {
		h, _ := good()
		c.out.Result, c.out.ReadOnly = Committed, true
		h.Outcomes = append(h.Outcomes, c.out)
		err := Check(h)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
