// Package guide is the code of docs/dstm.md and docs/offline.md, which runs here as tests.
package guide

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// The code stands in the order of the page, between marks; TestGuide compares.

// guide: bid
var (
	price  = dstm.NewVar[int64]("lots", "{id}", "price")
	bidder = dstm.NewVar[string]("lots", "{id}", "bidder")
)

var errTooLow = errors.New("somebody bids more")

// bid is called by anybody, anywhere, at the same time.
func bid(ctx context.Context, auction dstm.Object, lot, name string, amount int64) error {
	_, err := auction.Update(ctx, func(tx *dstm.Tx) error {
		if price.At(lot).Get(tx) >= amount {
			return errTooLow
		}
		price.At(lot).Set(tx, amount)
		bidder.At(lot).Set(tx, name)
		return nil
	})
	return err
}

// guide: end

func Example_bid() {
	if err := auctionOverTheWire(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// somebody bids more
	// Kim bids 120
}

func auctionOverTheWire(ctx context.Context) error {
	// guide: serve
	store, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: []dstm.Rule{
		{Object: "auction/*", Open: dstm.AllowAll, Write: dstm.AllowAll},
	}})
	if err != nil {
		return err
	}
	defer store.Close(ctx)
	server := transport.NewServer(nil, store) // an http.Handler
	// guide: end
	defer server.Close(ctx)
	listener := httptest.NewServer(server)
	defer listener.Close()
	url := "ws" + strings.TrimPrefix(listener.URL, "http")
	// guide: open
	objects := dstm.NewClient(nil)
	conn, err := transport.Dial(ctx, url, nil, objects)
	if err != nil {
		return err
	}
	defer conn.Close()
	auction, err := objects.Open(ctx, "auction/7")
	if err != nil {
		return err
	}
	defer auction.Close()
	// guide: end
	if err := bid(ctx, auction, "vase", "Kim", 120); err != nil {
		return err
	}
	fmt.Println(bid(ctx, auction, "vase", "Bo", 110))
	return auction.View(func(tx *dstm.Tx) error {
		fmt.Println(bidder.At("vase").Get(tx), "bids", price.At("vase").Get(tx))
		return nil
	})
}

// alone opens an object of a store in memory, without a wire.
func alone(names ...string) (objects []dstm.Object, stop func()) {
	ctx := context.Background()
	store, err := dstm.NewStore(dstm.NewMemoryLog(), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range names {
		o, err := store.Open(ctx, name)
		if err != nil {
			log.Fatal(err)
		}
		objects = append(objects, o)
	}
	return objects, func() {
		for _, o := range objects {
			o.Close()
		}
		store.Close(ctx)
	}
}

// guide: typed
type Player struct {
	Name  string `json:"name"`
	Score int    `json:"score"`
}

var players = dstm.NewMap[Player]("players")

func play(ctx context.Context, game dstm.Object) error {
	_, err := game.Update(ctx, func(tx *dstm.Tx) error {
		all := players.At()
		all.Set(tx, "p1", Player{Name: "Kim", Score: 3})
		score := dstm.Field[int](all.Value("p1"), "score") // conflicts with nobody who changes the name
		score.Set(tx, score.Get(tx)+1)
		for id, player := range all.All(tx) { // who is there joins the read set
			fmt.Println(id, player.Name, player.Score)
		}
		return nil
	})
	return err
}

// guide: end

func Example_typed() {
	objects, stop := alone("game")
	defer stop()
	if err := play(context.Background(), objects[0]); err != nil {
		log.Fatal(err)
	}
	// Output: p1 Kim 4
}

var (
	sold       = dstm.NewVar[int]("sold")
	left       = dstm.NewVar[int]("left")
	record     = dstm.NewVar[int]("record")
	errSoldOut = errors.New("sold out")
)

func Example_numbers() {
	objects, stop := alone("stock")
	defer stop()
	if err := sell(context.Background(), objects[0]); err != nil {
		log.Fatal(err)
	}
	// Output: sold 3, left 2, record 3
}

func sell(ctx context.Context, stock dstm.Object) error {
	_, err := stock.Update(ctx, func(tx *dstm.Tx) error { left.At().Set(tx, 8); return nil })
	if err != nil {
		return err
	}
	// guide: numbers
	_, err = stock.Update(ctx, func(tx *dstm.Tx) error {
		dstm.Add(tx, sold.At(), 3)                 // as often and as many as you like
		dstm.AddWithin(tx, left.At(), -3, 0, 1000) // refused rather than below 0
		dstm.Max(tx, record.At(), 3)
		return nil
	})
	// guide: end
	if err != nil {
		return err
	}
	// guide: guard
	_, err = stock.Update(ctx, func(tx *dstm.Tx) error {
		if !left.At().Guard(tx, dstm.GreaterOrEqual, 3) {
			return errSoldOut
		}
		dstm.Add(tx, left.At(), -3)
		return nil
	})
	// guide: end
	if err != nil {
		return err
	}
	return stock.View(func(tx *dstm.Tx) error {
		fmt.Printf("sold %d, left %d, record %d\n", sold.At().Get(tx), left.At().Get(tx), record.At().Get(tx))
		return nil
	})
}

// guide: lists
type Task struct {
	Text string `json:"text"`
	Done bool   `json:"done"`
}

var tasks = dstm.NewList[Task]("tasks")

func plan(ctx context.Context, board dstm.Object) error {
	_, err := board.Update(ctx, func(tx *dstm.Tx) error {
		list := tasks.At()
		bread := list.Insert(tx, dstm.Last(), Task{Text: "buy bread"})
		list.Insert(tx, dstm.Before(bread), Task{Text: "find money"})
		list.Move(tx, bread, dstm.First())
		dstm.Field[bool](list.Element(bread), "done").Set(tx, true)
		for id, task := range list.All(tx) {
			fmt.Println(len(id), task.Text, task.Done)
		}
		return nil
	})
	return err
}

// guide: end

func Example_lists() {
	objects, stop := alone("board")
	defer stop()
	if err := plan(context.Background(), objects[0]); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 16 buy bread true
	// 16 find money false
}

var (
	urgent = dstm.NewList[string]("urgent")
	normal = dstm.NewList[string]("normal")
)

func Example_wait() {
	objects, stop := alone("work")
	defer stop()
	work := objects[0]
	go work.Update(context.Background(), func(tx *dstm.Tx) error {
		normal.At().Insert(tx, dstm.Last(), "sweep")
		return nil
	})
	job, err := nextJob(context.Background(), work) // waits for it
	fmt.Println(job, err)
	// Output: sweep <nil>
}

func nextJob(ctx context.Context, work dstm.Object) (string, error) {
	// guide: wait
	take := func(queue dstm.ListRef[string], out *string) func(tx *dstm.Tx) error {
		return func(tx *dstm.Tx) error {
			for id, job := range queue.All(tx) {
				*out = job
				queue.Remove(tx, id)
				return nil
			}
			tx.Retry() // empty: does not return
			return nil
		}
	}
	var job string
	_, err := work.Update(ctx, func(tx *dstm.Tx) error {
		return tx.OrElse(take(urgent.At(), &job), take(normal.At(), &job))
	})
	// guide: end
	return job, err
}

var (
	balance = dstm.NewVar[int64]("balance").At()
	errPoor = errors.New("not enough money")
)

func Example_transfer() {
	ctx := context.Background()
	objects, stop := alone("account/1", "account/2")
	defer stop()
	objects[0].Update(ctx, func(tx *dstm.Tx) error { balance.Set(tx, 100); return nil })
	fmt.Println(transfer(ctx, objects[0], objects[1], 70))
	fmt.Println(transfer(ctx, objects[0], objects[1], 70))
	dstm.ViewAll(ctx, objects, func(tx *dstm.Tx) error {
		fmt.Println(balance.Get(tx), balance.Get(tx.In(objects[1])))
		return nil
	})
	// Output:
	// <nil>
	// not enough money
	// 30 70
}

func transfer(ctx context.Context, from, to dstm.Object, amount int64) error {
	// guide: transfer
	_, err := dstm.UpdateAll(ctx, []dstm.Object{from, to}, func(tx *dstm.Tx) error {
		if balance.Get(tx) < amount { // tx is that of the first object
			return errPoor
		}
		dstm.Add(tx, balance, -amount)
		dstm.Add(tx.In(to), balance, amount)
		return nil
	})
	// guide: end
	return err
}

func watch(ctx context.Context, board dstm.Object) error {
	// guide: changes
	for change, err := range board.Changes(ctx, "tasks") {
		if err != nil {
			return err
		}
		fmt.Println(change.Path, change.Origin, change.Version)
	}
	// guide: end
	return nil
}

var title = dstm.NewVar[string]("title").At()

func Example_undo() {
	ctx := context.Background()
	objects, stop := alone("board")
	defer stop()
	objects[0].Update(ctx, func(tx *dstm.Tx) error { title.Set(tx, "Plan A"); return nil })
	if err := rename(ctx, objects[0]); err != nil {
		log.Fatal(err)
	}
	objects[0].View(func(tx *dstm.Tx) error { fmt.Println(title.Get(tx)); return nil })
	// Output: Plan A
}

func rename(ctx context.Context, board dstm.Object) error {
	// guide: undo
	undo := dstm.NewUndoStack(board, 50)
	if _, err := undo.Update(ctx, func(tx *dstm.Tx) error { title.Set(tx, "Plan B"); return nil }); err != nil {
		return err
	}
	_, err := undo.Undo(ctx) // a new transaction; ErrConflict if somebody has changed it since
	// guide: end
	return err
}

var pot = dstm.NewVar[int]("table", "pot").At()

func signedIn(_ context.Context, a *dstm.Access) error {
	if a.Identity.User == "" {
		return dstm.ErrDenied
	}
	return nil
}

func cardRules() []dstm.Rule {
	// guide: rules
	rules := []dstm.Rule{{
		Object: "game/*",
		Open:   signedIn,
		Read: func(ctx context.Context, a *dstm.Access) ([]dstm.Path, error) {
			return []dstm.Path{{"table"}, {"hands", a.Identity.User}}, nil // nothing else is ever sent
		},
		Write: func(ctx context.Context, a *dstm.Access) error {
			if a.Path.Starts(dstm.Path{"hands"}) && !a.Path.Starts(dstm.Path{"hands", a.Identity.User}) {
				return dstm.ErrDenied
			}
			return signedIn(ctx, a)
		},
		Invariant: func(before, after *dstm.Tx) error {
			if pot.Get(after) < 0 {
				return status.New(status.FailedPrecondition, "game.pot", "the pot would be below zero")
			}
			return nil
		},
	}}
	// guide: end
	return rules
}

// The rules of the guide, with a player who tries what is not allowed.
func TestGuideRules(t *testing.T) {
	ctx := context.Background()
	store, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: cardRules()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close(ctx)
	server := transport.NewServer(&transport.ServerOptions{
		Authenticate: func(context.Context, *transport.Hello) (transport.Identity, error) {
			return transport.Identity{User: "kim"}, nil
		},
	}, store)
	defer server.Close(ctx)
	objects := dstm.NewClient(nil)
	conn, err := transport.Dial(ctx, "pipe:", &transport.ClientOptions{Dialer: server.Pipe()}, objects)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	inside, err := store.Open(ctx, "game/1")
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	set := func(o dstm.Object, value any, path ...string) error {
		_, err := o.Update(ctx, func(tx *dstm.Tx) error { tx.Overwrite(value, path...); return nil })
		return err
	}
	for _, name := range []string{"kim", "bo"} {
		if err := set(inside, "ace", "hands", name, "card"); err != nil {
			t.Fatal(err)
		}
	}
	game, err := objects.Open(ctx, "game/1")
	if err != nil {
		t.Fatal(err)
	}
	defer game.Close()
	read := func(path ...string) (value string, err error) {
		err = game.View(func(tx *dstm.Tx) error { tx.Lookup(&value, path...); return nil })
		return value, err
	}
	if card, err := read("hands", "kim", "card"); card != "ace" || err != nil {
		t.Errorf("the own hand: %q, %v", card, err)
	}
	if card, err := read("hands", "bo", "card"); card != "" || !errors.Is(err, dstm.ErrDenied) {
		t.Errorf("another's hand: %q, %v", card, err)
	}
	if err := set(game, "joker", "hands", "bo", "card"); !errors.Is(err, dstm.ErrDenied) {
		t.Errorf("writing another's hand: %v", err)
	}
	if err := set(game, -1, "table", "pot"); !errors.Is(err, dstm.ErrInvariant) || status.From(err).Message != "the pot would be below zero" {
		t.Errorf("breaking the invariant: %v", err)
	}
	if err := set(game, 5, "table", "pot"); err != nil {
		t.Error(err)
	}
}

func TestGuideDisk(t *testing.T) {
	t.Chdir(t.TempDir())
	for range 2 {
		if err := onDisk(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func onDisk(ctx context.Context) error {
	// guide: disk
	file, err := bolt.Open("objects.db", nil)
	if err != nil {
		return err
	}
	defer file.Close()
	entries, err := file.Log("main")
	if err != nil {
		return err
	}
	store, err := dstm.NewStore(entries, nil)
	// guide: end
	if err != nil {
		return err
	}
	return store.Close(ctx)
}

var guideBlock = regexp.MustCompile("(?s)<!-- guide: ([\\w-]+) -->\n```go\n(.*?)```")

// Every block of Go in the guides is code that runs here.
func TestGuide(t *testing.T) {
	for page, source := range map[string]string{"dstm.md": "guide_test.go", "offline.md": "offline_test.go"} {
		t.Run(page, func(t *testing.T) { comparePage(t, page, source) })
	}
}

func comparePage(t *testing.T, name, file string) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	regions := map[string]string{}
	name = ""
	for line := range strings.Lines(string(source)) {
		mark, found := strings.CutPrefix(strings.TrimSpace(line), "// guide: ")
		switch {
		case found && mark == "end":
			name = ""
		case found:
			name = mark
			regions[name] = ""
		case name != "":
			regions[name] += line
		}
	}
	blocks := guideBlock.FindAllStringSubmatch(string(page), -1)
	if all := strings.Count(string(page), "```go"); len(blocks) != all || all != len(regions) {
		t.Errorf("%d blocks of Go, %d of them with a mark, %d regions here", all, len(blocks), len(regions))
	}
	for _, block := range blocks {
		if want := dedent(regions[block[1]]); block[2] != want {
			t.Errorf("the block %q of the guide is not what runs here:\n%s", block[1], want)
		}
	}
}

// dedent takes the indentation of the first line from all, and empty lines from the end.
func dedent(code string) string {
	lines := strings.Split(strings.TrimRight(code, "\n"), "\n")
	indent := lines[0][:len(lines[0])-len(strings.TrimLeft(lines[0], "\t"))]
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], indent)
	}
	return strings.Join(slices.Clip(lines), "\n") + "\n"
}

var _ = watch // run by nobody: it shows the loop
