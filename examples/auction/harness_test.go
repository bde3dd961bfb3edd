package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

func TestMain(m *testing.M) {
	if childMain() {
		return
	}
	leak.Main(m)
}

// waitReady has a call wait until its client is connected again.
var waitReady = rpc.WaitReady()

// hall is a house over real sockets, and what its people were told.
type hall struct {
	t       *testing.T
	ctx     context.Context
	data    string
	server  *server
	web     *httptest.Server
	client  *http.Client
	journal journal
	people  []*bidder

	handler   atomic.Pointer[http.Handler] // of the server that answers
	truncated bool                         // the log was, so that its self-check fails
}

// quick are terms under which nothing happens by itself while a test looks.
func quick() terms {
	how := usualTerms()
	how.shortest, how.beat = time.Second, time.Hour
	return how
}

func newHall(t *testing.T) *hall {
	return openHall(t, filepath.Join(t.TempDir(), "auction.db"), quick())
}

func openHall(t *testing.T, data string, how terms) *hall {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	s, err := open(data, how)
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{t: t, ctx: ctx, data: data, server: s, client: &http.Client{Transport: &http.Transport{}}}
	handler := s.handler()
	h.handler.Store(&handler)
	h.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*h.handler.Load()).ServeHTTP(w, r) }))
	t.Cleanup(func() { h.close(); cancel() })
	return h
}

// close closes the house; it checks the books first, as the program does.
func (h *hall) close() {
	if h.server == nil {
		return
	}
	for _, b := range h.people {
		b.close()
	}
	h.client.CloseIdleConnections()
	if err := h.server.hush(h.ctx); err != nil {
		h.t.Error(err)
	}
	h.web.Close()
	h.good()
	if err := h.server.close(h.ctx); err != nil {
		h.t.Error(err)
	}
	h.server = nil
}

// good fails the test unless the self-check passes for everything that the people were told.
func (h *hall) good() {
	h.t.Helper()
	h.server.journal = journal{receipts: h.journal.all()}
	report, err := h.server.check(h.ctx)
	if err != nil || report.OK == h.truncated {
		h.t.Errorf("self-check: %+v, %v", report, err)
	}
}

// post posts v as JSON and decodes the answer into out.
func (h *hall) post(path string, v, out any) int {
	h.t.Helper()
	body, _ := json.Marshal(v)
	res, err := h.client.Post(h.web.URL+path, "application/json", bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode
}

func (h *hall) get(path string, out any) int {
	h.t.Helper()
	res, err := h.client.Get(h.web.URL + path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode
}

func (h *hall) url() string { return "ws" + strings.TrimPrefix(h.web.URL, "http") + "/ws" }

// join logs somebody in as the page does, and connects. The role "auctioneer" brings its key.
func (h *hall) join(name, role string) *bidder {
	h.t.Helper()
	in := loginRequest{Name: name, Role: role}
	if role == roleAuctioneer {
		in = loginRequest{Name: name, Key: h.server.key}
	}
	var out loginAnswer
	if code := h.post("/api/login", in, &out); code != http.StatusOK || out.Role != role {
		h.t.Fatalf("login of %s: %d %+v", name, code, out)
	}
	return h.enter(out.Token)
}

func (h *hall) enter(token string) *bidder {
	h.t.Helper()
	b, err := connect(h.ctx, h.url(), token, nil, &h.journal)
	if err != nil {
		h.t.Fatal(err)
	}
	h.people = append(h.people, b)
	return b
}

// lot has seller open a lot that starts at 100 with steps of 10 and is open for an hour.
func (h *hall) lot(seller *bidder) string {
	h.t.Helper()
	card, err := openLot.Call(h.ctx, seller.calls, NewLot{Title: "Vase", Start: 100, Step: 10, Seconds: 3600})
	if err != nil {
		h.t.Fatal(err)
	}
	return card.ID
}

// bids has b bid exactly amount, when b sees the lot as it is: on an older view it would decide by that, and be right then.
func (h *hall) bids(b *bidder, lot string, amount Cents) error {
	o, err := b.lot(h.ctx, lot)
	if err != nil {
		return err
	}
	if err := o.Wait(h.ctx, h.card(lot).Version); err != nil {
		return err
	}
	_, err = b.bid(h.ctx, lot, func(Cents) Cents { return amount })
	return err
}

// wins is bids that must succeed.
func (h *hall) wins(b *bidder, lot string, amount Cents) {
	h.t.Helper()
	if err := h.bids(b, lot, amount); err != nil {
		h.t.Fatalf("bid of %d: %v", amount, err)
	}
}

// card is how a lot stands by what the server publishes and lists.
func (h *hall) card(lot string) Card {
	h.t.Helper()
	card, err := h.server.house.readCard(h.ctx, lot)
	if err != nil {
		h.t.Fatal(err)
	}
	return card
}

// until waits until the lot is as ok says.
func (h *hall) until(lot string, ok func(lot lotView) bool) {
	h.t.Helper()
	o, err := h.server.objects.Open(h.ctx, lotObject(lot))
	if err != nil {
		h.t.Fatal(err)
	}
	defer o.Close()
	_, err = o.Update(h.ctx, func(tx *dstm.Tx) error {
		if !ok(lotAt(tx)) {
			tx.Retry()
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// quiet waits until the clerk has nothing to do for the lot.
func (h *hall) quiet(lot string) {
	h.t.Helper()
	h.until(lot, func(l lotView) bool { return len(l.Due) == 0 && l.Judged == l.Bids })
}

// purse waits until the client sees what the server holds, and returns it.
func (h *hall) purse(b *bidder) (a accountView) {
	h.t.Helper()
	o, err := h.server.house.ledger.of(h.ctx, b.id)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := b.account.Wait(h.ctx, o.Head().Version); err != nil {
		h.t.Fatal(err)
	}
	if err := b.account.View(func(tx *dstm.Tx) error { a = accountAt(tx); return nil }); err != nil {
		h.t.Fatal(err)
	}
	return a
}

// visitor connects without a token, or with credentials of any kind.
func (h *hall) visitor(credentials map[string]any) (*bidder, error) {
	b := newBidder(&h.journal)
	var err error
	b.conn, err = transport.Dial(h.ctx, h.url(), &transport.ClientOptions{Credentials: func(context.Context) (map[string]map[string]any, error) {
		if credentials == nil {
			return nil, nil
		}
		return map[string]map[string]any{"": credentials}, nil
	}}, b.calls, b.topics, b.objects)
	if err == nil {
		h.people = append(h.people, b)
	}
	return b, err
}
