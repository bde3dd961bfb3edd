package dstm_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/trefoilgo/trefoil/dstm"
)

// openLot opens an object in a store of its own: a client's Object has the same calls.
func openLot(ctx context.Context) (lot dstm.Object, stop func()) {
	store, err := dstm.NewStore(dstm.NewMemoryLog(), nil)
	if err != nil {
		log.Fatal(err)
	}
	lot, err = store.Open(ctx, "lots/7")
	if err != nil {
		log.Fatal(err)
	}
	return lot, func() { lot.Close(); store.Close(ctx) }
}

// A guard asks a question, and only another answer is a conflict: however many buy at the same time, none
// runs twice as long as enough is left.
func ExampleRef_Guard() {
	ctx := context.Background()
	stock, stop := openLot(ctx)
	defer stop()

	left := dstm.NewVar[int]("left").At()
	buy := func(n int) error {
		_, err := stock.Update(ctx, func(tx *dstm.Tx) error {
			if !left.Guard(tx, dstm.GreaterOrEqual, n) {
				return errors.New("sold out")
			}
			dstm.Add(tx, left, -n)
			return nil
		})
		return err
	}
	stock.Update(ctx, func(tx *dstm.Tx) error { left.Set(tx, 5); return nil })
	fmt.Println(buy(3))
	fmt.Println(buy(3))
	// Output:
	// <nil>
	// sold out
}

// Elements of a list have ids, which they keep wherever they move.
func ExampleListRef() {
	ctx := context.Background()
	board, stop := openLot(ctx)
	defer stop()

	type task struct {
		Text string `json:"text"`
		Done bool   `json:"done"`
	}
	tasks := dstm.NewList[task]("tasks").At()
	board.Update(ctx, func(tx *dstm.Tx) error {
		bread := tasks.Insert(tx, dstm.Last(), task{Text: "buy bread"})
		tasks.Insert(tx, dstm.Last(), task{Text: "eat"})
		tasks.Insert(tx, dstm.Before(bread), task{Text: "find money"})
		dstm.Field[bool](tasks.Element(bread), "done").Set(tx, true)
		tasks.Move(tx, bread, dstm.First())
		return nil
	})
	board.View(func(tx *dstm.Tx) error {
		for _, t := range tasks.All(tx) {
			fmt.Println(t.Text, t.Done)
		}
		return nil
	})
	// Output:
	// buy bread true
	// find money false
	// eat false
}

// The fields of a struct are read, written and in conflict one by one.
func ExampleField() {
	ctx := context.Background()
	game, stop := openLot(ctx)
	defer stop()

	type player struct {
		Name  string `json:"name"`
		Score int    `json:"score"`
	}
	players := dstm.NewMap[player]("players").At()
	game.Update(ctx, func(tx *dstm.Tx) error {
		players.Set(tx, "p1", player{Name: "Kim", Score: 3})
		dstm.Add(tx, dstm.Field[int](players.Value("p1"), "score"), 4)
		fmt.Printf("%+v\n", players.Get(tx, "p1"))
		return nil
	})
	// Output: {Name:Kim Score:7}
}

// A queue that blocks: whoever takes from it sleeps until there is something.
func ExampleTx_Retry() {
	ctx := context.Background()
	work, stop := openLot(ctx)
	defer stop()

	queue := dstm.NewList[string]("queue").At()
	taken := make(chan string)
	go func() {
		var job string
		_, err := work.Update(ctx, func(tx *dstm.Tx) error {
			for id, first := range queue.All(tx) {
				queue.Remove(tx, id)
				job = first
				return nil
			}
			tx.Retry() // does not return
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		taken <- job
	}()
	work.Update(ctx, func(tx *dstm.Tx) error { queue.Insert(tx, dstm.Last(), "wash up"); return nil })
	fmt.Println(<-taken)
	// Output: wash up
}

// The first branch that does not retry counts.
func ExampleTx_OrElse() {
	ctx := context.Background()
	purse, stop := openLot(ctx)
	defer stop()

	coins, notes := dstm.NewVar[int]("coins").At(), dstm.NewVar[int]("notes").At()
	pay := func(from dstm.Ref[int], price int) func(tx *dstm.Tx) error {
		return func(tx *dstm.Tx) error {
			if !from.Guard(tx, dstm.GreaterOrEqual, price) {
				tx.Retry()
			}
			dstm.Add(tx, from, -price)
			return nil
		}
	}
	purse.Update(ctx, func(tx *dstm.Tx) error { coins.Set(tx, 2); notes.Set(tx, 50); return nil })
	purse.Update(ctx, func(tx *dstm.Tx) error { return tx.OrElse(pay(coins, 5), pay(notes, 5)) })
	purse.View(func(tx *dstm.Tx) error {
		fmt.Println(coins.Get(tx), notes.Get(tx))
		return nil
	})
	// Output: 2 45
}

// Objects of one store change together.
func ExampleUpdateAll() {
	ctx := context.Background()
	store, err := dstm.NewStore(dstm.NewMemoryLog(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close(ctx)
	from, _ := store.Open(ctx, "accounts/kim")
	to, _ := store.Open(ctx, "accounts/jo")

	balance := dstm.NewVar[int]("balance").At()
	from.Update(ctx, func(tx *dstm.Tx) error { balance.Set(tx, 100); return nil })
	_, err = dstm.UpdateAll(ctx, []dstm.Object{from, to}, func(tx *dstm.Tx) error {
		if balance.Get(tx) < 30 {
			return errors.New("there is not enough")
		}
		dstm.Add(tx, balance, -30)
		dstm.Add(tx.In(to), balance, 30)
		return nil
	})
	fmt.Println(err)
	dstm.ViewAll(ctx, []dstm.Object{from, to}, func(tx *dstm.Tx) error {
		fmt.Println(balance.Get(tx), balance.Get(tx.In(to)))
		return nil
	})
	// Output:
	// <nil>
	// 70 30
}

// What was done last is undone first, and can be redone.
func ExampleUndoStack() {
	ctx := context.Background()
	board, stop := openLot(ctx)
	defer stop()

	title := dstm.NewVar[string]("title").At()
	undo := dstm.NewUndoStack(board, 50)
	name := func(s string) {
		undo.Update(ctx, func(tx *dstm.Tx) error { title.Set(tx, s); return nil })
	}
	show := func(_ dstm.Commit, err error) {
		board.View(func(tx *dstm.Tx) error { fmt.Println(title.Get(tx), err); return nil })
	}
	name("Plan A")
	name("Plan B")
	show(undo.Undo(ctx))
	show(undo.Redo(ctx))
	// Output:
	// Plan A <nil>
	// Plan B <nil>
}

// Who changed what, and what was there before.
func ExampleObject_history() {
	ctx := context.Background()
	board, stop := openLot(ctx)
	defer stop()

	title := dstm.NewVar[string]("title").At()
	for _, s := range []string{"Plan A", "Plan B"} {
		board.Update(ctx, func(tx *dstm.Tx) error { title.Set(tx, s); return nil }, dstm.Metadata(map[string]string{"why": "a better idea"}))
	}
	for revision, err := range board.History(ctx, 1, 0) {
		if err != nil {
			log.Fatal(err)
		}
		for _, change := range revision.Changes {
			was, _, _ := dstm.Decode[string](change.Old)
			is, _, _ := dstm.Decode[string](change.New)
			fmt.Printf("version %d, %s: %s from %q to %q\n", revision.Version, revision.Metadata["why"], change.Path, was, is)
		}
	}
	board.ViewAt(ctx, 1, func(tx *dstm.Tx) error {
		fmt.Println("at first:", title.Get(tx))
		return nil
	})
	// Output:
	// version 2, a better idea: title from "Plan A" to "Plan B"
	// at first: Plan A
}
