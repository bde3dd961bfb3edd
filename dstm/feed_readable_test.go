package dstm_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/transport"
)

// hands lets everyone read the table, and a user his own hand, as cards are played.
var hands = []dstm.Rule{{
	Object: "game/*", Open: dstm.AllowAll, Write: dstm.AllowAll, History: dstm.AllowAll,
	Read: func(_ context.Context, a *dstm.Access) ([]dstm.Path, error) {
		switch a.Identity.User {
		case "nobody":
			return nil, nil
		case "dealer":
			return []dstm.Path{{}}, nil
		case "broken":
			return []dstm.Path{{""}}, nil
		}
		return []dstm.Path{{"table"}, {"hands", a.Identity.User}}, nil
	},
}}

// user is a client that acts for a user.
func (n *node) user(name string) *raw {
	return n.raw(&transport.ClientOptions{Credentials: func(context.Context) (map[string]map[string]any, error) {
		return map[string]map[string]any{"": {"user": name}}, nil
	}})
}

func newHands(t *testing.T) *node {
	return newNode(t, dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: hands}, &transport.ServerOptions{
		Authenticate: func(_ context.Context, h *transport.Hello) (transport.Identity, error) {
			user, _ := h.Credentials[""]["user"].(string)
			return transport.Identity{User: user}, nil
		},
	})
}

// told is a change frame in full.
type told struct {
	client   string
	sequence int64
	writes   string // JSON of those of the first part
	metadata string
}

func (r *raw) told() told {
	r.t.Helper()
	body := r.frame(10)
	for range 4 {
		body.Skip()
	}
	out := told{client: fmt.Sprintf("%x", body.Bytes()), sequence: body.Int()}
	parts := body.Array()
	part := parts.Array()
	part.Skip()
	part.Skip()
	writes, _ := codec.ToJSON(nil, part.Raw())
	metadata, _ := codec.ToJSON(nil, body.Raw())
	out.writes, out.metadata = string(writes), string(metadata)
	return out
}

const nobody = "00000000000000000000000000000000"

// What a client may not read does not reach it, in no way: snapshot, change, catch-up, conflict, read or guard.
func TestReadable(t *testing.T) {
	n := newHands(t)
	dealer, ann, bob, none := n.user("dealer"), n.user("ann"), n.user("bob"), n.user("nobody")
	meta, _ := codec.Marshal(map[string]string{"move": "secret"})
	deal := dealer.tx("game/1", 0, set(map[string]any{"ann": map[string]any{"c": 1}, "bob": map[string]any{"c": 2}}, "hands"), set("green", "table", "color"))
	dealer.want(dealer.commit(deal), "1 [1]")
	for r, want := range map[*raw][2]string{
		dealer: {`{"hands":{"ann":{"c":1},"bob":{"c":2}},"table":{"color":"green"}}`, `null`},
		ann:    {`{"hands":{"ann":{"c":1}},"table":{"color":"green"}}`, `[["hands","ann"],["table"]]`},
		bob:    {`{"hands":{"bob":{"c":2}},"table":{"color":"green"}}`, `[["hands","bob"],["table"]]`},
		none:   {`{}`, `[]`},
	} {
		s := r.open("game/1", nil)
		if text, _ := codec.ToJSON(nil, s.snapshot); string(text) != want[0] || s.readable != want[1] || s.version != 1 {
			t.Errorf("%s, readable %s, at %d", text, s.readable, s.version)
		}
	}
	broken := n.user("broken")
	broken.send(broken.openFrame(7, "game/1", nil))
	broken.frame(3)

	secret := dealer.tx("game/1", 1, set(7, "hands", "bob", "c"), set(8, "deck"))
	secret.Metadata = meta
	dealer.want(dealer.commit(secret), "2 [2]")
	if got := ann.told(); got != (told{nobody, 0, `[]`, "null"}) {
		t.Errorf("ann: %+v", got)
	}
	if got := none.told(); got != (told{nobody, 0, `[]`, "null"}) {
		t.Errorf("nobody: %+v", got)
	}
	if got := bob.told(); got.sequence != 2 || got.writes != `[[1,["hands","bob","c"],7]]` || got.metadata == "null" {
		t.Errorf("bob: %+v", got)
	}
	all := dealer.tx("game/1", 2, set(map[string]any{"ann": map[string]any{"c": 3}}, "hands"))
	dealer.want(dealer.commit(all), "3 [3]")
	if got := ann.told(); got.writes != `[[1,["hands","ann"],{"c":3}]]` {
		t.Errorf("ann: %+v", got)
	}
	if got := bob.told(); got.writes != `[[2,["hands","bob"]]]` {
		t.Errorf("bob: %+v", got)
	}
	none.told()

	// Ann's own hidden change is told as hers.
	ann.want(ann.commit(ann.tx("game/1", 3, set(1, "deck"))), "1 [4]")
	if got := bob.told(); got != (told{nobody, 0, `[]`, "null"}) {
		t.Errorf("bob: %+v", got)
	}
	hidden := n.user("bob")
	own := hidden.open("game/1", nil)
	hidden.send(hidden.commitFrame(hidden.tx("game/1", own.version, set(2, "deck"))))
	if got := hidden.told(); got.sequence != 1 || got.client == nobody || got.writes != `[]` {
		t.Errorf("own: %+v", got)
	}

	// Nothing else may be read, by whatever kind of read; and a conflict of a write is told at the write's path.
	for _, read := range []txn.Read{
		{Kind: txn.ReadAbsent, Path: []string{"hands", "bob"}}, {Kind: txn.ReadKeys, Path: []string{"hands"}},
		{Kind: txn.ReadHash, Path: []string{"deck"}},
		{Kind: txn.ReadGuard, Path: []string{"deck"}, Guard: txn.Equal, Value: set(2).Value, Truth: true},
	} {
		tx := ann.tx("game/1", 4, set(1, "table", "x"))
		tx.Parts[0].Reads = []txn.Read{read}
		if a := ann.commit(tx); a.err == nil || a.err.Reason != dstm.ErrDenied {
			t.Errorf("%+v: %v", read, a)
		}
	}
	closed := n.user("ann") // who has it not open may read no more
	tx := closed.tx("game/1", 4, set(1, "table", "x"))
	tx.Parts[0].Reads = []txn.Read{{Kind: txn.ReadAbsent, Path: []string{"hands", "bob"}}}
	if a := closed.commit(tx); a.err == nil || a.err.Reason != dstm.ErrDenied {
		t.Error(a)
	}
	dealer.want(dealer.commit(dealer.tx("game/1", 5, set(map[string]any{"carl": map[string]any{}}, "hands"))), "4 [6]")
	if a := ann.commit(ann.tx("game/1", 5, set(1, "hands", "carl", "c"))); a.conflicts != `[[0,["hands","carl","c"]]]` || a.err.Message != "what the transaction read or wrote has changed" {
		t.Errorf("%v: %v", a, a.err)
	}
}

// Who comes back gets the changes, or the snapshot, as he may see them.
func TestReadableCatchUp(t *testing.T) {
	n := newHands(t)
	dealer, ann := n.user("dealer"), n.user("ann")
	at := ann.open("game/1", nil)
	dealer.commit(dealer.tx("game/1", 0, set(1, "hands", "bob")))
	dealer.commit(dealer.tx("game/1", 1, set(2, "hands", "ann")))
	again := n.user("ann")
	if s := again.open("game/1", &at.resume); s.snapshot != nil {
		t.Fatalf("%x", s.snapshot)
	}
	if got := again.told(); got != (told{nobody, 0, `[]`, "null"}) {
		t.Errorf("%+v", got)
	}
	if got := again.told(); got.writes != `[[1,["hands","ann"],2]]` || got.sequence != 2 {
		t.Errorf("%+v", got)
	}
}
