package guide

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// The code of docs/offline.md.

// guide: rename
type RenameInput struct {
	Card, Title string
}

var Rename = dstm.NewTransaction("boards.rename", func(tx *dstm.Tx, in RenameInput) error {
	if !tx.Exists("cards", in.Card) {
		return errors.New("the card is gone")
	}
	tx.Set(in.Title, "cards", in.Card, "title")
	return nil
})

// guide: end

// offline works without a connection and returns; the next call finds what it did.
func offline(ctx context.Context, url string) error {
	// guide: offline
	storage, err := bolt.OpenClient("client.db", nil)
	if err != nil {
		return err
	}
	defer storage.Close()
	objects := dstm.NewClient(&dstm.ClientOptions{Storage: storage, Transactions: []dstm.Named{Rename}})
	defer objects.Close()
	conn := transport.Connect(url, &transport.ClientOptions{Storage: storage}, objects)
	defer conn.Close()
	board, err := objects.Open(ctx, "board/1") // at once if it was ever open before, connection or not
	if err != nil {
		return err
	}
	// guide: end
	// guide: submit
	work, err := Rename.Submit(ctx, board, RenameInput{Card: "c1", Title: "Buy bread"})
	if err != nil {
		return err // nothing was kept: the function's own error, or ErrBusy
	}
	fmt.Println("pending", work.Durable(), len(objects.Pending()))
	// guide: end
	return nil
}

// later is a process with a connection.
func later(ctx context.Context, objects *dstm.Client) error {
	// guide: wait-work
	for _, work := range objects.Pending() { // those of processes before, too
		if commit, err := work.Wait(ctx); err != nil {
			fmt.Println(work.Name(), "is in the inbox:", err)
		} else {
			fmt.Println(work.Name(), "is version", commit.Version)
		}
	}
	// guide: end
	return nil
}

func settle(ctx context.Context, objects *dstm.Client) error {
	// guide: inbox
	inbox := objects.Inbox()
	for _, item := range inbox.Items() {
		for _, d := range item.Differences {
			fmt.Printf("%s %s: was %x, you wrote %x, now it is %x\n", d.Object, d.Path, d.Base, d.Mine, d.Theirs)
		}
		if item.Err.Unknown {
			fmt.Println("it may have happened: look first")
		}
		if _, err := inbox.Retry(ctx, item.ID); err != nil { // or RetryWith other arguments
			if err := inbox.Discard(item.ID); err != nil {
				return err
			}
		}
	}
	// guide: end
	return nil
}

func report(ctx context.Context, storage transport.Storage) error {
	// guide: queued
	news := pubsub.NewClient(&pubsub.ClientOptions{Storage: storage})
	_, err := news.Publish(ctx, "reports", "it works", pubsub.Queued()) // returns when it is kept
	// guide: end
	return errors.Join(err, news.Close())
}

func TestGuideQueued(t *testing.T) {
	storage := transport.NewMemoryStorage()
	if err := report(context.Background(), storage); err != nil {
		t.Fatal(err)
	}
	if left, err := storage.Load("pubsub"); err != nil || len(left) != 1 {
		t.Error(left, err)
	}
}

func TestGuideOffline(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx := context.Background()
	store, err := dstm.NewStore(dstm.NewMemoryLog(), &dstm.StoreOptions{Rules: []dstm.Rule{{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll}}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close(ctx)
	server := transport.NewServer(nil, store)
	defer server.Close(ctx)
	listener := httptest.NewServer(server)
	defer listener.Close()
	url := "ws" + strings.TrimPrefix(listener.URL, "http")
	inside, err := store.Open(ctx, "board/1")
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	set := func(path ...string) {
		t.Helper()
		if _, err := inside.Update(ctx, func(tx *dstm.Tx) error { tx.Overwrite("x", path...); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	set("cards", "c1", "title")
	if err := offline(ctx, url); err != nil { // it has a connection the first time
		t.Fatal(err)
	}
	if err := offline(ctx, "ws://127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	if _, err := inside.Update(ctx, func(tx *dstm.Tx) error { tx.Delete("cards"); return nil }); err != nil {
		t.Fatal(err)
	}
	storage, err := bolt.OpenClient("client.db", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer storage.Close()
	objects := dstm.NewClient(&dstm.ClientOptions{Storage: storage, Transactions: []dstm.Named{Rename}})
	defer objects.Close()
	conn := transport.Connect(url, &transport.ClientOptions{Storage: storage}, objects)
	defer conn.Close()
	if err := later(ctx, objects); err != nil {
		t.Fatal(err)
	}
	if n := len(objects.Inbox().Items()); n == 0 {
		t.Error("the inbox is empty")
	}
	if err := settle(ctx, objects); err != nil {
		t.Fatal(err)
	}
	if n := len(objects.Inbox().Items()); n != 0 {
		t.Errorf("%d items are left", n)
	}
}

var Report = rpc.NewMethod[string, int]("reports.add")

func add(ctx context.Context, storage transport.Storage) (int, error) {
	// guide: queued-call
	calls := rpc.NewPeer(&rpc.PeerOptions{Storage: storage})
	id, err := Report.Call(ctx, calls, "it works", rpc.Idempotent(), rpc.Queued()) // returns when it was answered
	// guide: end
	return id, err
}

func TestGuideQueuedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := transport.NewMemoryStorage()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { _, err := add(ctx, storage); done <- err }()
		synctest.Wait()
		if left, err := storage.Load("rpc"); err != nil || len(left) != 1 {
			t.Fatal(left, err)
		}
		cancel()
		if err := <-done; !errors.Is(err, status.Canceled) {
			t.Fatal(err)
		}
		if left, err := storage.Load("rpc"); err != nil || len(left) != 0 {
			t.Fatal(left, err)
		}
	})
}
