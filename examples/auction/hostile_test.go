package main

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
)

// forge sends a transaction over some objects as b, whatever it says.
func (h *hall) forge(b *bidder, names []string, fn func(tx map[string]*dstm.Tx)) error {
	h.t.Helper()
	var objects []dstm.Object
	for _, name := range names {
		o, err := b.objects.Open(h.ctx, name)
		if err != nil {
			h.t.Fatalf("%s: %v", name, err)
		}
		defer o.Close()
		objects = append(objects, o)
	}
	_, err := dstm.UpdateAll(h.ctx, objects, func(tx *dstm.Tx) error {
		by := map[string]*dstm.Tx{}
		for i, o := range objects {
			by[names[i]] = tx.In(o)
		}
		fn(by)
		return nil
	}, dstm.MaxAttempts(3))
	return err
}

// Nothing but a bid passes, whatever a hostile client writes; nobody is affected, and the books stay right.
func TestHostile(t *testing.T) {
	h := newHall(t)
	seller, ann, eve := h.join("Sam", roleSeller), h.join("Ann", roleBidder), h.join("Eve", roleBidder)
	closed := h.lot(seller)
	h.wins(ann, closed, 100)
	h.advance(closed)
	h.until(closed, func(l lotView) bool { return l.State == stateSold })
	lot, other := h.lot(seller), h.lot(seller)
	h.wins(ann, lot, 100)
	h.wins(eve, other, 100)
	h.quiet(lot)
	h.quiet(other)
	L, M, O := lotObject(lot), accountObject(eve.id), lotObject(other)
	// good is a bid of 200 as it should be; each forgery begins with it.
	good := func(tx map[string]*dstm.Tx, name string) {
		lot := strings.TrimPrefix(name, "lot/")
		held := heldFor.At(lot).Get(tx[M])
		if leader := lotLeader.At().Get(tx[name]); leader != "" {
			lotDue.At(leader).Set(tx[name], true)
		}
		lotPrice.At().Set(tx[name], 200)
		lotLeader.At().Set(tx[name], eve.id)
		lotBids.At().Set(tx[name], lotBids.At().Get(tx[name])+1)
		dstm.Add(tx[M], available.At(), held-200)
		heldFor.At(lot).Set(tx[M], 200)
	}
	price := func(v any) func(tx map[string]*dstm.Tx) {
		return func(tx map[string]*dstm.Tx) { good(tx, L); tx[L].Set(v, "price") }
	}
	both, position := []string{L, M}, h.server.objects.Position
	before := position()
	for _, test := range []struct {
		what    string
		objects []string
		fn      func(tx map[string]*dstm.Tx)
		why     string // "": denied by a rule
	}{
		{"a price of 0", both, price(0), "amount"},
		{"a negative price", both, price(-5), "amount"},
		{"a price of 1e308", both, price(1e308), "amount"},
		{"a price of half a cent", both, price(200.5), "amount"},
		{"a price that is text", both, price("200"), "amount"},
		{"a price that is a map", both, price(map[string]any{"a": 1}), "amount"},
		{"a price of all cents there are", both, price(int64(math.MaxInt64)), "amount"},
		{"a price above the most", both, price(maxAmount + 1), "amount"},
		{"no price", both, func(tx map[string]*dstm.Tx) { good(tx, L); lotPrice.At().Delete(tx[L]) }, "amount"},
		{"a price below the step", both, price(105), "low"},
		{"a price that nobody has set aside", both, price(300), "shape"},
		{"more than there is", both, func(tx map[string]*dstm.Tx) {
			good(tx, L)
			lotPrice.At().Set(tx[L], 5_000_000)
			heldFor.At(lot).Set(tx[M], 5_000_000)
			dstm.Add(tx[M], available.At(), 200-5_000_000)
		}, "money"},
		{"money made", both, func(tx map[string]*dstm.Tx) { good(tx, L); dstm.Add(tx[M], available.At(), 200) }, "shape"},
		{"money made without a bid", []string{M}, func(tx map[string]*dstm.Tx) { dstm.Add(tx[M], available.At(), 1) }, "shape"},
		{"money that is text", both, func(tx map[string]*dstm.Tx) { good(tx, L); tx[M].Set("1e9", "available") }, "amount"},
		{"escrow taken back while leading", []string{M}, func(tx map[string]*dstm.Tx) {
			heldFor.At(other).Delete(tx[M])
			dstm.Add(tx[M], available.At(), 100)
		}, "shape"},
		{"escrow taken from another lot", both, func(tx map[string]*dstm.Tx) {
			good(tx, L)
			heldFor.At(other).Delete(tx[M])
			dstm.Add(tx[M], available.At(), 100)
		}, "shape"},
		{"escrow moved to another lot", both, func(tx map[string]*dstm.Tx) {
			good(tx, L)
			heldFor.At(other).Set(tx[M], 40)
			heldFor.At("none").Set(tx[M], 60)
		}, "shape"},
		{"the escrow forgotten", []string{L}, func(tx map[string]*dstm.Tx) {
			lotPrice.At().Set(tx[L], 200)
			lotLeader.At().Set(tx[L], eve.id)
		}, "shape"},
		{"in the name of another", both, func(tx map[string]*dstm.Tx) { good(tx, L); lotLeader.At().Set(tx[L], ann.id) }, "shape"},
		{"in the name of nobody", both, func(tx map[string]*dstm.Tx) { good(tx, L); lotLeader.At().Set(tx[L], "") }, "shape"},
		{"a leader that is a number", both, func(tx map[string]*dstm.Tx) { good(tx, L); tx[L].Set(7, "leader") }, "amount"},
		{"against oneself", []string{O, M}, func(tx map[string]*dstm.Tx) { good(tx, O) }, "leading"},
		{"two bids in one", both, func(tx map[string]*dstm.Tx) { good(tx, L); lotBids.At().Set(tx[L], 9) }, "shape"},
		{"without a mark for who is outbid", both, func(tx map[string]*dstm.Tx) { good(tx, L); lotDue.At(ann.id).Delete(tx[L]) }, "shape"},
		{"with a mark for oneself", both, func(tx map[string]*dstm.Tx) { good(tx, L); lotDue.At(eve.id).Set(tx[L], true) }, "shape"},
		{"a mark that is false", both, func(tx map[string]*dstm.Tx) { good(tx, L); lotDue.At(ann.id).Set(tx[L], false) }, "shape"},
		{"on two lots at once", []string{L, O, M}, func(tx map[string]*dstm.Tx) { good(tx, L); lotDue.At(eve.id).Set(tx[O], true) }, "shape"},
		{"after the hammer", []string{lotObject(closed), M}, func(tx map[string]*dstm.Tx) { good(tx, lotObject(closed)) }, "closed"},
		{"on a lot that is not", []string{"lot/none", M}, func(tx map[string]*dstm.Tx) { good(tx, "lot/none") }, "closed"},
		{"the state", []string{L}, func(tx map[string]*dstm.Tx) { lotState.At().Set(tx[L], stateSold) }, ""},
		{"the end", both, func(tx map[string]*dstm.Tx) { good(tx, L); lotEnds.At().Set(tx[L], 1) }, ""},
		{"the step", []string{L}, func(tx map[string]*dstm.Tx) { lotStep.At().Set(tx[L], 1) }, ""},
		{"all of a lot", []string{L}, func(tx map[string]*dstm.Tx) { tx[L].Overwrite(map[string]any{"state": "open"}) }, ""},
		{"all marks", []string{L}, func(tx map[string]*dstm.Tx) { tx[L].Overwrite(map[string]any{}, "due") }, ""},
		{"something new", []string{L}, func(tx map[string]*dstm.Tx) { tx[L].Set("x", "<script>") }, ""},
		{"all of an account", []string{M}, func(tx map[string]*dstm.Tx) { tx[M].Overwrite(map[string]any{"available": 1}) }, ""},
		{"a maximum", []string{M}, func(tx map[string]*dstm.Tx) { maximum.At(lot).Set(tx[M], 900) }, ""},
		{"what was earned", []string{M}, func(tx map[string]*dstm.Tx) { earned.At().Set(tx[M], 900) }, ""},
		{"all escrow", []string{M}, func(tx map[string]*dstm.Tx) { tx[M].Overwrite(map[string]any{}, "held") }, ""},
	} {
		err := h.forge(eve, test.objects, test.fn)
		switch why, _ := status.From(err).Details["why"].(string); {
		case test.why == "" && !errors.Is(err, dstm.ErrDenied), test.why != "" && (!errors.Is(err, dstm.ErrInvariant) || why != test.why):
			t.Errorf("%s: %v %v, want %q", test.what, err, status.From(err).Details, test.why)
		}
	}
	if position() != before {
		t.Error("something was written")
	}
	if err := h.forge(seller, []string{L, accountObject(seller.id)}, func(tx map[string]*dstm.Tx) {
		tx[M], eve = tx[accountObject(seller.id)], seller
		good(tx, L)
	}); status.From(err).Details["why"] != "own_lot" {
		t.Errorf("the seller's own bid: %v", err)
	}
	h.wins(ann, other, 300) // nobody else was affected
	h.quiet(other)
}

// What is not open to somebody stays closed.
func TestNotOpen(t *testing.T) {
	h := newHall(t)
	seller, eve := h.join("Sam", roleSeller), h.join("Eve", roleBidder)
	nobody, err := h.visitor(nil)
	if err != nil {
		t.Fatal(err)
	}
	lot := h.lot(seller)
	for _, b := range []*bidder{eve, nobody} {
		for _, name := range []string{houseObject, accountObject(seller.id), "account/", "x"} {
			if o, err := b.objects.Open(h.ctx, name); err == nil {
				o.Close()
				t.Errorf("%s is open", name)
			}
		}
		for _, topic := range []string{prices.At(lot).Topic(), hammer.At().Topic(), bell.At().Topic()} {
			if _, err := b.topics.Publish(h.ctx, topic, Card{ID: lot, Price: 1}); !errors.Is(err, pubsub.ErrDenied) {
				t.Errorf("publishing to %s: %v", topic, err)
			}
		}
	}
	o, err := nobody.objects.Open(h.ctx, lotObject(lot))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Update(h.ctx, func(tx *dstm.Tx) error { lotPrice.At().Set(tx, 500); return nil }); !errors.Is(err, dstm.ErrDenied) {
		t.Errorf("a visitor bids: %v", err)
	}
	if _, err := o.Undo(h.ctx, dstm.Commit{}); err == nil {
		t.Error("undone")
	}
}

// A bid cannot be undone: the price would fall.
func TestUndo(t *testing.T) {
	h := newHall(t)
	seller, ann := h.join("Sam", roleSeller), h.join("Ann", roleBidder)
	lot := h.lot(seller)
	o, err := ann.lot(h.ctx, lot)
	if err != nil {
		t.Fatal(err)
	}
	commit, _, err := bid(h.ctx, o, ann.account, ann.id, func(next Cents) Cents { return next })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Undo(h.ctx, commit); err == nil {
		t.Error("a bid was undone")
	}
	h.quiet(lot)
	if card := h.card(lot); card.Price != 100 || card.Leader != ann.id {
		t.Errorf("%+v", card)
	}
}

// A role is what the house wrote down for the token, whatever a client says of itself.
func TestForgedRole(t *testing.T) {
	h := newHall(t)
	seller, master := h.join("Sam", roleSeller), h.join("Max", roleAuctioneer)
	lot := h.lot(seller)
	var login loginAnswer
	h.post("/api/login", map[string]any{"name": "Eve", "role": roleBidder, "claims": map[string]any{"role": roleAuctioneer}}, &login)
	eve, err := h.visitor(map[string]any{"token": login.Token, "role": roleAuctioneer, "user": master.id, "claims": map[string]any{"role": roleAuctioneer}})
	if err != nil {
		t.Fatal(err)
	}
	me, err := askMe.Call(h.ctx, eve.calls, struct{}{})
	if err != nil || me.ID != login.ID || me.Role != roleBidder {
		t.Errorf("%+v, %v", me, err)
	}
	loud := rpc.WithMetadata(rpc.Metadata{"role": roleAuctioneer, "user": master.id})
	nobody, err := h.visitor(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*bidder{eve, nobody} {
		for what, err := range map[string]error{
			"open":   second(openLot.Call(h.ctx, b.calls, NewLot{Title: "x", Start: 100, Seconds: 60}, loud)),
			"cancel": second(cancelLot.Call(h.ctx, b.calls, LotName{lot}, loud)),
			"check":  second(runCheck.Call(h.ctx, b.calls, struct{}{}, loud)),
		} {
			if status.CodeOf(err) != status.PermissionDenied {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	for what, err := range map[string]error{
		"proxy of a visitor":    second(setProxy.Call(h.ctx, nobody.calls, Proxy{Lot: lot, Max: 500}, loud)),
		"receipts of a visitor": second(findReceipts.Call(h.ctx, nobody.calls, nil, loud)),
		"proxy of the house":    second(setProxy.Call(h.ctx, master.calls, Proxy{Lot: lot, Max: 500})),
	} {
		if status.CodeOf(err) != status.PermissionDenied {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := h.bids(master, lot, 500); !errors.Is(err, dstm.ErrDenied) {
		t.Errorf("the auctioneer bids: %v", err)
	}
	other := h.join("Olga", roleSeller)
	if _, err := cancelLot.Call(h.ctx, other.calls, LotName{lot}); status.From(err).Reason != "auction.not_yours" {
		t.Errorf("another's lot: %v", err)
	}
	for _, token := range []any{"", "x", login.Token + "x", 7, nil, map[string]any{"role": roleAuctioneer}} {
		if _, err := h.visitor(map[string]any{"token": token}); !errors.Is(err, status.Unauthenticated) {
			t.Errorf("token %v: %v", token, err)
		}
	}
	for _, in := range []map[string]any{
		{"name": "X", "role": roleAuctioneer}, {"name": "X", "role": "house"}, {"name": "X"}, {"name": "X", "key": "guess"}, {"name": "X", "role": 7},
		{"name": "", "role": roleBidder}, {"name": strings.Repeat("x", 41), "role": roleBidder}, {"name": "eve", "role": roleBidder},
	} {
		var out problem
		if code := h.post("/api/login", in, &out); code < 400 || code > 499 || out.Reason == "" {
			t.Errorf("login %v: %d %+v", in, code, out)
		}
	}
	for token, want := range map[string]int{"": http.StatusUnauthorized, "x": http.StatusUnauthorized, login.Token: http.StatusForbidden} {
		req, _ := http.NewRequest("POST", h.web.URL+"/api/check", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := h.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("check with token %q: %d", token, res.StatusCode)
		}
	}
	req, _ := http.NewRequest("POST", h.web.URL+"/api/login", strings.NewReader(`{"name":"X","role":"bidder"}`))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", "https://elsewhere.example")
	res, err := h.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("another site's page logs in: %d", res.StatusCode)
	}
	if report, err := runCheck.Call(h.ctx, master.calls, struct{}{}); err != nil || !report.OK {
		t.Errorf("%+v, %v", report, err)
	}
	if card, err := cancelLot.Call(h.ctx, master.calls, LotName{lot}); err != nil || card.State != stateCancelled {
		t.Errorf("%+v, %v", card, err)
	}
}

func second[T any](_ T, err error) error { return err }

// What is no amount, no time, no lot is refused in calls too; HTML is text everywhere.
func TestBadFields(t *testing.T) {
	h := newHall(t)
	const html = `<img src=x onerror="alert(1)"><b>`
	seller := h.join(html, roleSeller)
	bad := rpc.NewMethod[map[string]any, any](openLot.Name())
	lot := func(field string, v any) map[string]any {
		in := map[string]any{"title": "x", "text": "", "start": 100, "step": 1, "seconds": 60}
		in[field] = v
		return in
	}
	for _, in := range []map[string]any{
		lot("start", 0), lot("start", -1), lot("start", 1e308), lot("start", "100"), lot("start", 1.5), lot("start", maxAmount+1), lot("start", nil), lot("start", math.Inf(1)),
		lot("step", -1), lot("step", 1e308), lot("step", "x"), lot("seconds", 0), lot("seconds", -60), lot("seconds", 1e308), lot("seconds", "60"), lot("seconds", 1<<40),
		lot("title", ""), lot("title", "\n\t "), lot("title", 7), lot("title", strings.Repeat("x", 81)), lot("text", strings.Repeat("x", 1001)), lot("text", []int{1}), {},
	} {
		if _, err := bad.Call(h.ctx, seller.calls, in); status.CodeOf(err) != status.InvalidArgument {
			t.Errorf("open %v: %v", in, err)
		}
	}
	card, err := openLot.Call(h.ctx, seller.calls, NewLot{Title: html, Text: html + "\x00\n" + html, Start: 100, Seconds: 3600})
	if err != nil || card.Title != html || card.SellerName != html || card.Step != 100 {
		t.Fatalf("%+v, %v", card, err)
	}
	proxy := rpc.NewMethod[map[string]any, any](setProxy.Name())
	ann := h.join("Ann", roleBidder)
	for _, most := range []any{-1, 1e308, "500", 0.5, maxAmount + 1, math.NaN()} {
		if _, err := proxy.Call(h.ctx, ann.calls, map[string]any{"lot": card.ID, "max": most}); status.CodeOf(err) != status.InvalidArgument {
			t.Errorf("proxy %v: %v", most, err)
		}
	}
	for _, id := range []string{"", "none", html, "../x", strings.Repeat("a", 300), "a\x00"} {
		for what, err := range map[string]error{
			"history": second(lotHistory.Call(h.ctx, ann.calls, LotName{id})),
			"proxy":   second(setProxy.Call(h.ctx, ann.calls, Proxy{Lot: id, Max: 500})),
			"cancel":  second(cancelLot.Call(h.ctx, seller.calls, LotName{id})),
		} {
			if status.CodeOf(err) != status.NotFound {
				t.Errorf("%s of %q: %v", what, id, err)
			}
		}
	}
	o, err := ann.lot(h.ctx, card.ID)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if err := o.View(func(tx *dstm.Tx) error { text = lotText.At().Get(tx); return nil }); err != nil || text != html+"\n"+html {
		t.Errorf("%q, %v", text, err)
	}
	if people, err := findPeople.Call(h.ctx, ann.calls, People{IDs: []string{seller.id, "none", html}}); err != nil || len(people) != 1 || people[0].Name != html {
		t.Errorf("%+v, %v", people, err)
	}
	for _, path := range []string{"/api/audit", "/api/audit/log"} {
		res, err := h.client.Get(h.web.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var body strings.Builder
		if _, err := io.Copy(&body, res.Body); err != nil {
			t.Fatal(err)
		}
		if kind := res.Header.Get("Content-Type"); kind != "application/json" || res.Header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(body.String(), "<img") {
			t.Errorf("%s: %s, %.300s", path, kind, body.String())
		}
	}
	for _, query := range []string{"before=x", "before=-1", "limit=0", "limit=1e9", "before=1e308"} {
		var out problem
		if code := h.get("/api/audit/log?"+query, &out); code != http.StatusBadRequest {
			t.Errorf("%s: %d", query, code)
		}
	}
}

// The server's own code cannot make money either, nor let a price fall.
func TestOwnMistakes(t *testing.T) {
	h := newHall(t)
	seller, ann := h.join("Sam", roleSeller), h.join("Ann", roleBidder)
	lot := h.lot(seller)
	h.wins(ann, lot, 300)
	h.quiet(lot)
	c, err := h.server.house.clerkOf(lot)
	if err != nil {
		t.Fatal(err)
	}
	account, err := h.server.house.ledger.of(h.ctx, ann.id)
	if err != nil {
		t.Fatal(err)
	}
	one := func(o dstm.Object, fn func(tx *dstm.Tx)) error {
		_, err := o.Update(context.Background(), func(tx *dstm.Tx) error { fn(tx); return nil })
		return err
	}
	for what, err := range map[string]error{
		"money made":      one(account, func(tx *dstm.Tx) { dstm.Add(tx, available.At(), 1) }),
		"escrow lost":     one(account, func(tx *dstm.Tx) { heldFor.At(lot).Delete(tx) }),
		"below zero":      one(account, func(tx *dstm.Tx) { available.At().Set(tx, -1); heldFor.At(lot).Set(tx, 1_000_001) }),
		"money given out": one(h.server.house.object, func(tx *dstm.Tx) { dstm.Add(tx, minted.At(), 5) }),
		"a lower price":   one(c.lot, func(tx *dstm.Tx) { lotPrice.At().Set(tx, 200) }),
		"another leader":  one(c.lot, func(tx *dstm.Tx) { lotLeader.At().Set(tx, "x") }),
		"sold unpaid":     one(c.lot, func(tx *dstm.Tx) { lotState.At().Set(tx, stateSold) }),
		"unsold":          one(c.lot, func(tx *dstm.Tx) { lotState.At().Set(tx, stateUnsold) }),
		"cancelled":       one(c.lot, func(tx *dstm.Tx) { lotState.At().Set(tx, stateCancelled) }),
		"another seller":  one(c.lot, func(tx *dstm.Tx) { lotSeller.At().Set(tx, "x") }),
	} {
		if !errors.Is(err, dstm.ErrInvariant) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
