package dstm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// commitOf is a commit frame whose parts are given in JSON.
func commitOf(t *testing.T, sequence int64, flags int64, after, metadata, parts string) []byte {
	t.Helper()
	b := transport.AppendHeader(nil, 10, transport.NumberDSTM, 7)
	b = codec.AppendString(b, "main")
	b = codec.AppendInt(codec.AppendInt(b, sequence), 0)
	b = codec.AppendInt(codec.AppendInt(b, flags), 0)
	for _, text := range []string{after, metadata, parts} {
		var err error
		if b, err = codec.FromJSON(b, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// Whatever is wrong with a transaction's content is answered; nothing is applied, and the log does not grow.
func TestHostileTransactions(t *testing.T) {
	log := dstm.NewMemoryLog()
	n := newNode(t, log, nil, nil)
	good, bad := n.raw(nil), n.raw(nil)
	good.open("o", nil)
	start := set(map[string]any{"n": int64(1<<63 - 1), "text": "t", "l": []any{1, 2}})
	start.Shape, _ = codec.Marshal([]any{[]any{[]string{"l"}, []string{"a", "b"}}})
	good.want(good.commit(good.tx("o", 0, start)), "1 [1]")
	before := n.store.Position()
	epoch := n.store.Epoch()
	part := func(reads, writes string) string { return fmt.Sprintf(`[["o",%q,1,%s,%s]]`, epoch, reads, writes) }
	deep := strings.Repeat("[", 50) + strings.Repeat("]", 50)
	many := func(n int, what string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(what+",", n), ",") + "]"
	}
	sequence := int64(0)
	for name, c := range map[string]struct{ after, metadata, parts, want string }{
		"no parts":              {"null", "null", `[]`, "dstm.invalid"},
		"parts are text":        {"null", "null", `"x"`, "dstm.invalid"},
		"a part is short":       {"null", "null", `[["o"]]`, "dstm.invalid"},
		"a part is nothing":     {"null", "null", `[null]`, "dstm.invalid"},
		"no name":               {"null", "null", `[["","e",0,[],[]]]`, "dstm.invalid"},
		"a control character":   {"null", "null", `[["a\u0001","e",0,[],[]]]`, "dstm.invalid"},
		"a negative base":       {"null", "null", `[["o","e",-1,[],[]]]`, "dstm.invalid"},
		"a base from nowhere":   {"null", "null", fmt.Sprintf(`[["o",%q,1000,[],[[1,["x"],1]]]]`, epoch), "dstm.conflict"},
		"another epoch":         {"null", "null", `[["o","e",1,[],[[1,["x"],1]]]]`, "dstm.conflict"},
		"a part twice":          {"null", "null", fmt.Sprintf(`[["o",%[1]q,1,[],[]],["o",%[1]q,1,[],[]]]`, epoch), "dstm.invalid"},
		"too many parts":        {"null", "null", many(17, `["o","e",0,[],[]]`), "dstm.too_large"},
		"too many reads":        {"null", "null", part(many(10_001, `[2,["q"]]`), `[]`), "dstm.too_large"},
		"too many writes":       {"null", "null", part(`[]`, many(10_001, `[2,["q"]]`)), "dstm.too_large"},
		"many reads":            {"null", "null", part(many(9_999, `[1,["q"]]`), `[[1,["x"],1]]`), "dstm.conflict"},
		"an unknown read":       {"null", "null", part(`[[6,["x"],1]]`, `[]`), "dstm.invalid"},
		"an unknown write":      {"null", "null", part(`[]`, `[[9,["x"],1]]`), "dstm.invalid"},
		"a short hash":          {"null", "null", part(`[[5,["x"],{"$bytes":"AQI="}]]`, `[]`), "dstm.invalid"},
		"an empty key":          {"null", "null", part(`[]`, `[[1,[""],1]]`), "dstm.invalid"},
		"a long key":            {"null", "null", part(`[]`, fmt.Sprintf(`[[1,[%q],1]]`, strings.Repeat("k", 257))), "dstm.invalid"},
		"a long path":           {"null", "null", part(`[]`, fmt.Sprintf(`[[1,%s,1]]`, many(33, `"k"`))), "dstm.invalid"},
		"a number in the path":  {"null", "null", part(`[]`, `[[1,[1],1]]`), "dstm.invalid"},
		"no value":              {"null", "null", part(`[]`, `[[1,["x"]]]`), "dstm.invalid"},
		"a deep value":          {"null", "null", part(`[]`, `[[1,["x"],`+deep+`]]`), "dstm.invalid"},
		"NaN":                   {"null", "null", part(`[]`, `[[1,["x"],{"$float":"NaN"}]]`), "dstm.invalid"},
		"infinity in a list":    {"null", "null", part(`[]`, `[[1,["x"],{"a":[1,{"$float":"-Infinity"}]}]]`), "dstm.invalid"},
		"an empty key in a map": {"null", "null", part(`[]`, `[[1,["x"],{"":1}]]`), "dstm.invalid"},
		"the root is a leaf":    {"null", "null", part(`[]`, `[[1,[],1]]`), "dstm.invalid"},
		"the root is deleted":   {"null", "null", part(`[]`, `[[2,[]]]`), "dstm.invalid"},
		"a path through a leaf": {"null", "null", part(`[]`, `[[1,["text","x"],1]]`), "dstm.invalid"},
		"add overflows":         {"null", "null", part(`[]`, `[[3,["n"],1]]`), "dstm.conflict"},
		"add to text":           {"null", "null", part(`[]`, `[[3,["text"],1]]`), "dstm.conflict"},
		"add of text":           {"null", "null", part(`[]`, `[[3,["n"],"1"]]`), "dstm.invalid"},
		"add of NaN":            {"null", "null", part(`[]`, `[[3,["n"],{"$float":"NaN"}]]`), "dstm.invalid"},
		"min of text":           {"null", "null", part(`[]`, `[[4,["n"],"1"]]`), "dstm.invalid"},
		"max of infinity":       {"null", "null", part(`[]`, `[[5,["n"],{"$float":"Infinity"}]]`), "dstm.invalid"},
		"max where text is":     {"null", "null", part(`[]`, `[[5,["text"],1]]`), "dstm.conflict"},
		"a guard with a map":    {"null", "null", part(`[[6,["n"],3,{}]]`, `[]`), "dstm.invalid"},
		"a guard with NaN":      {"null", "null", part(`[[6,["n"],1,{"$float":"NaN"}]]`, `[]`), "dstm.invalid"},
		"a comparison too far":  {"null", "null", part(`[[6,["n"],14,1]]`, `[]`), "dstm.invalid"},
		"a guard for text":      {"null", "null", part(`[[6,["n"],3,"9223372036854775807"]]`, `[]`), "dstm.conflict"},
		"an element twice":      {"null", "null", part(`[]`, `[[6,["l"],"a",1,null,1]]`), "dstm.invalid"},
		"beside itself":         {"null", "null", part(`[]`, `[[7,["l"],"a",3,"a"]]`), "dstm.invalid"},
		"behind what is gone":   {"null", "null", part(`[]`, `[[7,["l"],"a",3,"z"]]`), "dstm.conflict"},
		"at an unknown place":   {"null", "null", part(`[]`, `[[6,["l"],"z",5,null,1]]`), "dstm.invalid"},
		"a list in text":        {"null", "null", part(`[]`, `[[6,["text"],"z",1,null,1]]`), "dstm.invalid"},
		"a list below text":     {"null", "null", part(`[]`, `[[6,["text","l"],"z",1,null,1]]`), "dstm.invalid"},
		"the root is a list":    {"null", "null", part(`[]`, `[[6,[],"z",1,null,1]]`), "dstm.invalid"},
		"a shape too long":      {"null", "null", part(`[]`, `[[1,["m"],[1],[[[],["x","y"]]]]]`), "dstm.invalid"},
		"a shape of nothing":    {"null", "null", part(`[]`, `[[1,["m"],{},[[["x"],["y"]]]]]`), "dstm.invalid"},
		"an empty id":           {"null", "null", part(`[]`, `[[6,["l"],"",1,null,1]]`), "dstm.invalid"},
		"after itself":          {"[99999]", "null", part(`[]`, `[]`), "dstm.invalid"},
		"after in disorder":     {"[2,1]", "null", part(`[]`, `[]`), "dstm.invalid"},
		"after nobody":          {"[1]", "null", part(`[]`, `[[1,["x"],1]]`), "dstm.depends"},
		"metadata is a list":    {"null", "[]", part(`[]`, `[]`), "dstm.invalid"},
		"a long metadata value": {"null", fmt.Sprintf(`{"k":%q}`, strings.Repeat("v", 5000)), part(`[]`, `[]`), "dstm.invalid"},
		"more than 512 KiB":     {"null", "null", part(`[]`, fmt.Sprintf(`[[1,["x"],%q]]`, strings.Repeat("v", 600_000))), "dstm.too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			bad.t = t
			// Sequences ascend whatever the order of the map; every one is above those that after names.
			sequence += 10
			bad.send(commitOf(t, sequence, 0, c.after, c.metadata, c.parts))
			if a := bad.answer(true); a.err == nil || string(a.err.Reason) != c.want || a.err.Unknown || a.sequence != uint64(sequence) {
				t.Errorf("%v: %v", a, a.err)
			}
			bad.send(commitOf(t, sequence, 0, c.after, c.metadata, c.parts))
			if a := bad.answer(true); a.err == nil || string(a.err.Reason) != c.want {
				t.Errorf("the second time: %v", a)
			}
		})
	}
	bad.t = t
	if n.store.Position() != before {
		t.Errorf("the log grew to %d", n.store.Position())
	}
	if a := bad.commit(&txn.Transaction{Sequence: 3, Parts: []txn.Part{{Object: "o", Epoch: epoch, Base: 1, Writes: []txn.Write{set(1, "x")}}}}); a.err == nil || a.err.Reason != dstm.ErrStaleSequence {
		t.Errorf("a sequence from before: %v", a)
	}
	good.want(good.commit(good.tx("o", 1, set(1, "x"))), "2 [2]")
	frame := good.commitFrame(good.tx("o", 2, set(1, "x")))
	good.send(frame)
	good.want(good.answer(true), "3 [3]")
	good.send(frame) // doubled on the way
	good.want(good.answer(true), "3 [3]")
	if v := object(t, n.store, "o").Head().Version; v != 3 {
		t.Errorf("version %d", v)
	}
}

// A frame that is none of the protocol ends its session, and no other.
func TestHostileFrames(t *testing.T) {
	n := newNode(t, dstm.NewMemoryLog(), nil, nil)
	good := n.raw(nil)
	good.open("o", nil)
	header := func(n, kind int) []byte { return transport.AppendHeader(nil, n, transport.NumberDSTM, kind) }
	text := func(b []byte, s string) []byte { return codec.AppendString(b, s) }
	number := func(b []byte, n int64) []byte { return codec.AppendInt(b, n) }
	for name, c := range map[string]struct {
		frame []byte
		want  status.Reason
	}{
		"a number for a stream":  {number(number(header(4, 1), 1), 1), "transport.malformed"},
		"open without a name":    {number(text(header(4, 1), ""), 1), "transport.malformed"},
		"open of a number":       {number(number(text(header(5, 1), ""), 1), 5), "transport.malformed"},
		"a resume point of text": {text(text(number(text(header(6, 1), ""), 1), "o"), "r"), "transport.malformed"},
		"a short resume point":   {number(codec.AppendArray(text(number(text(header(6, 1), ""), 1), "o"), 1), 1), "transport.malformed"},
		"close of nothing":       {text(header(3, 5), ""), "transport.malformed"},
		"a commit of nothing":    {text(header(3, 7), "main"), "transport.malformed"},
		"a commit of text":       {text(text(header(4, 7), "main"), "x"), "transport.malformed"},
		"sequence 0":             {commitOf(t, 0, 0, "null", "null", "[]"), "transport.malformed"},
		"a negative sequence":    {commitOf(t, -1, 0, "null", "null", "[]"), "transport.malformed"},
		"a huge sequence":        {commitOf(t, 1<<60, 0, "null", "null", "[]"), "transport.malformed"},
		"an answer":              {number(text(header(4, 8), "main"), 1), "transport.protocol"},
		"an unknown kind":        {number(text(header(4, 99), "main"), 1), "transport.protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := n.raw(nil)
			bad.t = t
			bad.send(c.frame)
			if reason := bad.dead(); reason != string(c.want) {
				t.Errorf("ended with %s", reason)
			}
		})
	}
	good.want(good.commit(good.tx("o", 0, set(1, "x"))), "1 [1]")
	// Another log's name is a defect of that request alone.
	other := good.tx("o", 1, set(1, "x"))
	good.send(other.AppendBody(text(header(3+txn.BodyElements, 7), "elsewhere")))
	good.want(good.answer(true), "2 dstm.invalid ")
	// Closing what is not open is nothing.
	good.send(text(text(header(4, 5), ""), "never"))
	good.want(good.commit(good.tx("o", 1, set(1, "x"))), "3 [2]")
}
