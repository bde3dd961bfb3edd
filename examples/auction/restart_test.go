package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/status"
)

// join logs in at a child and connects.
func (c *child) join(ctx context.Context, name, role string, j *journal) *bidder {
	c.t.Helper()
	body, _ := json.Marshal(loginRequest{Name: name, Role: role})
	res, err := http.Post("http://"+c.addr+"/api/login", "application/json", bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	var out loginAnswer
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusOK {
		c.t.Fatalf("login of %s: %d, %v", name, res.StatusCode, err)
	}
	b, err := connect(ctx, c.url(), out.Token, nil, j)
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

// A house that is killed in the last second of a lot: the bid that was acknowledged stands, others can still answer, and one wins and pays.
func TestKilledInTheLastSecond(t *testing.T) {
	leak.Check(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	data := filepath.Join(t.TempDir(), "auction.db")
	c := startChild(t, data, 300*time.Millisecond)
	var told journal
	seller, ann, bob := c.join(ctx, "Sam", roleSeller, &told), c.join(ctx, "Ann", roleBidder, &told), c.join(ctx, "Bob", roleBidder, &told)
	lots := []string{}
	for range 2 {
		card, err := openLot.Call(ctx, seller.calls, NewLot{Title: "Vase", Start: 100, Step: 10, Seconds: 1}) // all of it is the last second
		if err != nil {
			t.Fatal(err)
		}
		lots = append(lots, card.ID)
	}
	_, err := ann.bid(ctx, lots[0], func(Cents) Cents { return 100 })
	if err != nil {
		t.Fatal(err)
	}
	c.kill()
	c.start()
	falls, err := hammer.At().Subscribe(ctx, bob.topics)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.bid(ctx, lots[0], func(Cents) Cents { return 150 }); err != nil {
		t.Errorf("an answer after the restart: %v", err)
	}
	c.kill() // the bid is not judged yet, perhaps, and the escrow not returned
	c.start()
	closed := map[string]Card{}
	cards, err := listLots.Call(ctx, bob.calls, struct{}{}, waitReady)
	if err != nil {
		t.Fatal(err)
	}
	note := func(card Card) {
		if card.State != stateOpen {
			closed[card.ID] = card
		}
	}
	for _, card := range cards {
		note(card)
	}
	for m, err := range falls.All(ctx) {
		if len(closed) == 2 {
			break
		}
		if err != nil {
			if ctx.Err() != nil {
				t.Fatal(err)
			}
			continue // a gap: the topic began anew with the process
		}
		if note(m.Value); len(closed) == 2 {
			break
		}
	}
	if card := closed[lots[0]]; card.State != stateSold || card.Leader != bob.id || card.Price != 150 || card.Bids != 2 {
		t.Errorf("%+v", card)
	}
	if card := closed[lots[1]]; card.State != stateUnsold {
		t.Errorf("%+v", card)
	}
	for _, b := range []*bidder{seller, ann, bob} {
		b.close()
	}
	said := c.stop()
	if !strings.Contains(said, "self-check passed") {
		t.Error(said)
	}
	holdsAll(t, data, &told)
	t.Log(said)
}

// holdsAll opens the file of a house that is closed, and checks that it holds all that was told and the sum is right.
func holdsAll(t *testing.T, data string, told *journal) *Report {
	t.Helper()
	file, err := bolt.Open(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	log, err := file.Log("main")
	if err != nil {
		t.Fatal(err)
	}
	a := newAuditor(log, true)
	if err := a.advance(context.Background()); err != nil {
		t.Fatal(err)
	}
	r := reportOf(a, told.all())
	if !r.OK || r.Accounted != len(told.all()) {
		t.Errorf("%s", strings.Join(r.Lines, "\n"))
	}
	return r
}

// A computer whose clock is a day off after a restart closes nothing early and keeps nothing open late.
func TestClockOff(t *testing.T) {
	const day = 24 * time.Hour
	data := filepath.Join(t.TempDir(), "auction.db")
	how := quick()
	h := openHall(t, data, how)
	seller := h.join("Sam", roleSeller)
	lot := h.lot(seller)
	for _, off := range []time.Duration{day, 0, -day, 2 * day} {
		then := h.server.house.clock.now()
		before := h.card(lot).Ends - then
		h.close()
		how.wall = func() time.Time { return time.Now().Add(off) }
		h = openHall(t, data, how)
		if now := h.server.house.clock.now(); now < then {
			t.Errorf("clock off by %v: the house's time went back from %d to %d", off, then, now)
		}
		card := h.card(lot)
		left := card.Ends - h.server.house.clock.now()
		if card.State != stateOpen || left > before+60_000 || left < before-60_000 {
			t.Errorf("clock off by %v: %d ms were left, now %d: %+v", off, before, left, card)
		}
	}
	ann := h.join("Ann", roleBidder)
	h.wins(ann, lot, 100)
	h.quiet(lot)
	clock := h.server.house.clock
	clock.ahead.Add(h.card(lot).Ends - clock.now() - 3000) // the last seconds
	h.close()
	how.wall = func() time.Time { return time.Now().Add(-day) } // no time has passed by this clock
	h = openHall(t, data, how)
	if card, opened := h.card(lot), h.server.house.clock.base; card.Ends < opened+how.grace.Milliseconds() {
		t.Errorf("open at %d: %+v", opened, card)
	}
	ann = h.join("Ann again", roleBidder)
	h.advance(lot)
	h.until(lot, func(l lotView) bool { return l.State == stateSold })
	points, err := lotHistory.Call(h.ctx, ann.calls, LotName{lot})
	if err != nil || len(points) != 1 {
		t.Errorf("%+v, %v", points, err)
	}
}

// A house that is put back from a backup: who knows more is told, what was bid since is unknown to the log and reported as that, money is right, and
// whoever bids goes on.
func TestRestored(t *testing.T) {
	dir := t.TempDir()
	h := openHall(t, filepath.Join(dir, "auction.db"), quick())
	seller, ann, bob := h.join("Sam", roleSeller), h.join("Ann", roleBidder), h.join("Bob", roleBidder)
	lot := h.lot(seller)
	h.wins(ann, lot, 100)
	h.quiet(lot)
	var backup bytes.Buffer
	if _, err := h.server.file.Backup(h.ctx, &backup); err != nil {
		t.Fatal(err)
	}
	h.wins(bob, lot, 200)
	h.quiet(lot)
	lost := h.journal.all()[1]

	// The same people, with the same connections, find the house put back.
	if err := h.server.hush(h.ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.server.close(h.ctx); err != nil {
		t.Fatal(err)
	}
	restored := filepath.Join(dir, "restored.db")
	if err := bolt.Restore(restored, &backup); err != nil {
		t.Fatal(err)
	}
	s, err := open(restored, quick())
	if err != nil {
		t.Fatal(err)
	}
	h.server, h.data = s, restored
	h.handler.Store(&[]http.Handler{s.handler()}[0])

	if found, err := findReceipts.Call(h.ctx, ann.calls, []Receipt{h.journal.all()[0].Receipt, lost.Receipt}, waitReady); err != nil || !found[0].Found || found[1].Found || found[1].Why == "" {
		t.Errorf("receipts: %+v, %v", found, err)
	}
	s.journal = journal{receipts: h.journal.all()}
	report, err := s.check(h.ctx)
	if err != nil || report.OK || len(report.Missing) != 1 || report.Missing[0].Amount != 200 || report.Minted != report.Total {
		t.Errorf("the lost bid is reported: %+v, %v", report, err)
	}
	h.journal.receipts = h.journal.receipts[:1]
	// Bob believes that he leads until he has heard of it.
	o, err := bob.lot(h.ctx, lot)
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.Update(h.ctx, func(tx *dstm.Tx) error {
		if lotLeader.At().Get(tx) == bob.id {
			tx.Retry()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.bid(h.ctx, lot, func(next Cents) Cents { return next }); err != nil {
		t.Errorf("Bob goes on: %v", err)
	}
	h.quiet(lot)
	if card := h.card(lot); card.Leader != bob.id || card.Price != 110 || card.Bids != 2 {
		t.Errorf("%+v", card)
	}
	if p := h.purse(ann); p.Available != 1_000_000 {
		t.Errorf("Ann: %+v", p)
	}
	// Somebody who came only after the backup is not known any more, and is told so.
	if _, err := connect(h.ctx, h.url(), "a token of the lost history", nil, &h.journal); !errors.Is(err, status.Unauthenticated) {
		t.Error(err)
	}
}

// A log that was changed, or lost its beginning, is found out.
func TestTampered(t *testing.T) {
	h := newHall(t)
	seller, ann := h.join("Sam", roleSeller), h.join("Ann", roleBidder)
	lot := h.lot(seller)
	h.wins(ann, lot, 100)
	h.quiet(lot)
	audit := func(log dstm.Log) *Report {
		a := newAuditor(log, true)
		if err := a.advance(h.ctx); err != nil {
			t.Fatal(err)
		}
		return reportOf(a, h.journal.all())
	}
	if r := audit(h.server.log); !r.OK || r.Accounted != 1 {
		t.Errorf("%+v", r)
	}
	paid := h.journal.all()[0].Position
	for what, change := range map[string]func(data []byte) []byte{
		"a price": func(data []byte) []byte {
			return bytes.Replace(data, []byte{'p', 'r', 'i', 'c', 'e', 100}, []byte{'p', 'r', 'i', 'c', 'e', 101}, 1)
		},
		"an amount":      func(data []byte) []byte { return bytes.Replace(data, []byte{0xd0, 0x9c}, []byte{0xd0, 0x9d}, 1) },
		"a bit":          func(data []byte) []byte { data[5] ^= 1; return data },
		"cut off":        func(data []byte) []byte { return data[:len(data)-1] },
		"of another one": func(data []byte) []byte { return append([]byte{2}, data[1:]...) },
	} {
		changed := false
		log := &forgedLog{h.server.log, func(entry *dstm.Entry) {
			if uint64(entry.Position) == paid {
				data := change(bytes.Clone(entry.Data))
				changed = !bytes.Equal(data, entry.Data)
				entry.Data = data
			}
		}}
		if r := audit(log); r.OK == changed {
			t.Errorf("%s changed: %v: %+v", what, changed, r)
		}
	}
	if err := h.server.log.Truncate(h.ctx, 5); err != nil {
		t.Fatal(err)
	}
	r := audit(h.server.log)
	if r.OK || !strings.Contains(strings.Join(r.Lines, "\n"), "the log begins at entry 6") {
		t.Errorf("%+v", r)
	}
	var out auditAnswer
	if h.get("/api/audit", &out); out.Whole || out.First != 6 || out.Agrees {
		t.Errorf("%+v", out)
	}
	h.truncated = true
}

// forgedLog is a log that says something else.
type forgedLog struct {
	dstm.Log
	change func(entry *dstm.Entry)
}

func (l *forgedLog) Read(ctx context.Context, after dstm.Position) iter.Seq2[dstm.Entry, error] {
	return func(yield func(dstm.Entry, error) bool) {
		for entry, err := range l.Log.Read(ctx, after) {
			l.change(&entry)
			if !yield(entry, err) {
				return
			}
		}
	}
}

// A self-check that finds something missing ends the program with an error.
func TestCheckFails(t *testing.T) {
	h := newHall(t)
	seller, ann := h.join("Sam", roleSeller), h.join("Ann", roleBidder)
	lot := h.lot(seller)
	h.wins(ann, lot, 100)
	good := h.journal.all()[0]
	for what, change := range map[string]func(r *signed){
		"another amount":  func(r *signed) { r.Amount++ },
		"another bidder":  func(r *signed) { r.user = seller.id },
		"another lot":     func(r *signed) { r.Lot = "none" },
		"another entry":   func(r *signed) { r.Position-- },
		"beyond the end":  func(r *signed) { r.Position += 1000 },
		"the same again":  func(r *signed) {},
		"another history": func(r *signed) { r.Position--; r.Epoch = "x" },
	} {
		bad := good
		change(&bad)
		h.server.journal = journal{receipts: []signed{bad}}
		if what == "the same again" {
			h.server.journal = journal{receipts: []signed{good, bad}}
		}
		var out bytes.Buffer
		if err := lastCheck(h.server, &out); !errors.Is(err, errCheck) || !strings.Contains(out.String(), "SELF-CHECK FAILED") || !strings.Contains(out.String(), "missing: 1.0") {
			t.Errorf("%s: %v\n%s", what, err, &out)
		}
	}
	h.server.journal = journal{receipts: []signed{good}}
	var out bytes.Buffer
	if err := lastCheck(h.server, &out); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
}
