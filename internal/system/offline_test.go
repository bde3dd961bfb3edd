package system

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/transport"
)

// The test binary runs itself again as the client that is to be killed.
const (
	clientFile = "TREFOIL_SYSTEM_CLIENT"
	clientURL  = "TREFOIL_SYSTEM_URL"
	clientRun  = "TREFOIL_SYSTEM_RUN" // "last": let everything come to its end
)

// markWork counts how often it took effect, under its tag, and reads a number that all works write.
var markWork = dstm.NewTransaction("system.mark", func(tx *dstm.Tx, tag string) error {
	var n int
	tx.Lookup(&n, "n")
	tx.Set(n+1, "n")
	tx.Add(1, nil, nil, "tags", tag)
	return tx.Err()
})

// work is a client that submits works and says which are stored.
func work(file, url, run string) error {
	ctx := context.Background()
	storage, err := bolt.OpenClient(file, nil)
	if err != nil {
		return err
	}
	objects := dstm.NewClient(&dstm.ClientOptions{Storage: storage, Transactions: []dstm.Named{markWork}})
	conn := transport.Connect(url, &transport.ClientOptions{
		Storage: storage, MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond,
	}, objects)
	fmt.Println("pending", len(objects.Pending()))
	board, err := objects.Open(ctx, "board")
	if err != nil {
		return err
	}
	if run != "last" {
		for i := 0; ; i++ {
			tag := fmt.Sprint(run, "-", i)
			w, err := markWork.Submit(ctx, board, tag)
			if err != nil || !w.Durable() {
				return fmt.Errorf("submit %s: %v, %v", tag, err, objects.StorageErr())
			}
			fmt.Println("stored", tag)
			if i%8 == 7 { // not all at once, or the queue is full
				w.Wait(ctx)
			}
		}
	}
	for _, w := range objects.Pending() {
		w.Wait(ctx)
	}
	for _, item := range objects.Inbox().Items() {
		var tag string
		if err := codec.Unmarshal(item.Arguments, &tag); err != nil {
			return err
		}
		fmt.Println("refused", tag, item.Err.Unknown)
	}
	objects.Close()
	conn.Close()
	fmt.Println("done", storage.Close())
	return nil
}

// TestKilledClientLosesAndDoublesNothing kills a client again and again while its works are under way, cuts its connections besides, and
// at the end looks whether every work that it had reported stored took effect once, or is in the inbox.
func TestKilledClientLosesAndDoublesNothing(t *testing.T) {
	leak.Check(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	kills := 12
	if testing.Short() {
		kills = 4
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	folder := t.TempDir()
	file, err := bolt.Open(filepath.Join(folder, "server.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	log, err := file.Log("main")
	if err != nil {
		t.Fatal(err)
	}
	store, err := dstm.NewStore(log, &dstm.StoreOptions{Rules: []dstm.Rule{{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll}}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close(ctx)
	server := transport.NewServer(nil, store)
	defer server.Close(ctx)
	listener := httptest.NewServer(server)
	defer listener.Close()
	url := "ws" + strings.TrimPrefix(listener.URL, "http")
	board, err := store.Open(ctx, "board")
	if err != nil {
		t.Fatal(err)
	}
	defer board.Close()

	stored, pending := map[string]bool{}, 0
	for run := range kills {
		for _, line := range runClient(ctx, t, filepath.Join(folder, "client.db"), url, fmt.Sprint(run), 5+rng.IntN(60), func() {
			if rng.IntN(4) == 0 {
				listener.CloseClientConnections()
			}
			if rng.IntN(4) == 0 { // a conflict
				board.Update(ctx, func(tx *dstm.Tx) error { tx.Overwrite(0, "n"); return nil })
			}
		}) {
			var n int
			if tag, ok := strings.CutPrefix(line, "stored "); ok {
				stored[tag] = true
			} else if _, err := fmt.Sscanf(line, "pending %d", &n); err == nil {
				pending += n
			}
		}
	}
	refused := map[string]bool{}
	lines := runClient(ctx, t, filepath.Join(folder, "client.db"), url, "last", 0, func() {})
	for _, line := range lines {
		if fields := strings.Fields(line); fields[0] == "refused" {
			refused[fields[1]] = true
			t.Errorf("in the inbox, though nothing was lost: %s", line)
		}
	}
	if len(lines) == 0 || lines[len(lines)-1] != "done <nil>" {
		t.Fatalf("the last client did not end well: %q", lines)
	}
	err = board.View(func(tx *dstm.Tx) error {
		for _, tag := range tx.Keys("tags") {
			var n int
			if tx.Lookup(&n, "tags", tag); n != 1 {
				t.Errorf("%s took effect %d times", tag, n)
			}
		}
		for tag := range stored {
			if !tx.Exists("tags", tag) && !refused[tag] {
				t.Errorf("%s was stored, and is lost", tag)
			}
		}
		return tx.Err()
	})
	if err != nil {
		t.Error(err)
	}
	if len(stored) < kills || pending == 0 {
		t.Errorf("%d works were stored, %d were pending at a start: too little to see", len(stored), pending)
	}
	t.Logf("%d works, %d pending at starts", len(stored), pending)
	var recorder dstmtest.Recorder
	if err := recorder.Check(ctx, log); err != nil {
		t.Error(err)
	}
}

// runClient runs a client, kills it after so many lines (0: lets it end), and returns what it said. Between lines it calls between.
func runClient(ctx context.Context, t *testing.T, file, url, run string, after int, between func()) (lines []string) {
	t.Helper()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), clientFile+"="+file, clientURL+"="+url, clientRun+"="+run)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
		if len(lines) == after {
			cmd.Process.Kill()
		} else if len(lines)%5 == 0 {
			between()
		}
	}
	cmd.Wait() // its error is the kill
	return lines
}
