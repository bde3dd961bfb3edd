package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/dstmtest"
)

// acknowledged counts what clients were told of.
type acknowledged struct {
	mu    sync.Mutex
	grown *sync.Cond
	n     int
	last  dstm.Position
}

func newAcknowledged() *acknowledged {
	a := &acknowledged{}
	a.grown = sync.NewCond(&a.mu)
	return a
}

func (a *acknowledged) add(p dstm.Position) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
	a.last = max(a.last, p)
	a.grown.Broadcast()
}

// more waits for so many more and returns the highest position that was told.
func (a *acknowledged) more(n int) dstm.Position {
	a.mu.Lock()
	defer a.mu.Unlock()
	for upto := a.n + n; a.n < upto; {
		a.grown.Wait()
	}
	return a.last
}

// pair are two objects that are always changed together.
var pair = []string{"left", "right"}

// worker is a client that goes on committing.
type worker struct {
	*guest
	who  int
	o    dstm.Object
	pair []dstm.Object
}

func newWorker(s *site, who int) *worker {
	w := &worker{guest: s.guest(), who: who}
	w.o = w.open("count")
	for _, name := range pair {
		w.pair = append(w.pair, w.open(name))
	}
	return w
}

// step commits once to the count, or to the pair.
func (w *worker) step(i int, r *dstmtest.Recorder) (dstm.Position, error) {
	if i%4 > 0 {
		c, err := r.Update(w.site.ctx, w.o, raise(w.who))
		return c.Position, err
	}
	commits, err := dstm.UpdateAll(w.site.ctx, w.pair, func(tx *dstm.Tx) error {
		for _, o := range w.pair {
			total.Set(tx.In(o), total.Get(tx.In(o))+1)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return commits[0].Position, nil
}

// patient is a receiver of a backup that has clients commit while it receives.
type patient struct {
	bytes.Buffer
	acks   *acknowledged
	writes int
}

func (p *patient) Write(b []byte) (int, error) {
	if p.writes++; p.writes <= 4 {
		p.acks.more(20)
	}
	return p.Buffer.Write(b)
}

// TestBackupUnderClients: eight clients commit while a backup is made, and see more than it holds. Then the server starts from the backup:
// everything that was acknowledged before the backup began is there, of what came later a beginning. The clients come back to it and
// go on, and what they had sent to the lost end is not done again.
func TestBackupUnderClients(t *testing.T) {
	for _, every := range []int{40, 1 << 20} {
		t.Run(fmt.Sprint("checkpoints every ", every), func(t *testing.T) { testBackupUnderClients(t, every) })
	}
}

func testBackupUnderClients(t *testing.T, every int) {
	s := newSite(t, dstm.StoreOptions{CheckpointEntries: every})
	s.start(newPath(t))
	var early, lost, again dstmtest.Recorder
	workers := make([]*worker, 8)
	for who := range workers {
		workers[who] = newWorker(s, who)
		for i := range 10 {
			if _, err := workers[who].step(i, &early); err != nil {
				t.Fatal(err)
			}
		}
	}

	acks := newAcknowledged()
	stop := make(chan struct{})
	var running sync.WaitGroup
	for _, w := range workers {
		running.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				p, err := w.step(i, &lost)
				if err != nil {
					t.Error(err)
				}
				acks.add(p)
			}
		})
	}
	before := acks.more(20)
	backup := &patient{acks: acks}
	if _, err := s.file.Backup(s.ctx, backup); err != nil {
		t.Fatal(err)
	}
	acks.more(40)
	close(stop)
	running.Wait()

	// Some are left without an answer, some offline with something to send, some with both.
	var sent, unsent []<-chan error
	for who, w := range workers {
		if who < 4 {
			sent = append(sent, w.unanswered(&lost, w.o, who))
		} else {
			w.leave()
		}
		if who%4 >= 2 {
			unsent = append(unsent, w.raise(&again, w.o, who))
		}
	}
	all, epoch := s.entries(), s.store.Epoch()
	s.check(&lost)
	s.stop()

	path := newPath(t)
	if err := bolt.Restore(path, bytes.NewReader(backup.Bytes())); err != nil {
		t.Fatal(err)
	}
	head := checkBeginning(t, path, all, before, &early)
	s.start(path)
	if now := s.store.Epoch(); now == epoch || s.store.Position() != head+1 {
		t.Errorf("epoch %q after %q, position %d after %d", now, epoch, s.store.Position(), head)
	}
	count, left, right := s.object("count"), s.object("left"), s.object("right")
	sum, had := counted(t, count)
	if a, b := valueOf(t, left), valueOf(t, right); !bytes.Equal(a, b) || left.Head().Version != right.Head().Version {
		t.Errorf("the pair is %x and %x", a, b)
	}

	for _, w := range workers {
		w.back()
	}
	for _, done := range sent {
		if err := <-done; !errors.Is(err, dstm.ErrOutcomeUnknown) {
			t.Errorf("what was sent to the lost end: %v", err)
		}
	}
	for _, done := range unsent {
		if err := <-done; err != nil {
			t.Errorf("what was never sent: %v", err)
		}
	}
	for who, w := range workers {
		for i := range 8 { // six to the count
			if _, err := w.step(i, &again); err != nil {
				t.Fatal(err)
			}
		}
		had[fmt.Sprint(who)] += 6
	}
	for _, w := range workers {
		s.same(&again, w.o, w.pair[0], w.pair[1])
	}
	now, each := counted(t, count)
	if want := sum + 8*6 + int64(len(unsent)); now != want {
		t.Errorf("the count went from %d to %d, not %d", sum, now, want)
	}
	for _, who := range []int{2, 3, 6, 7} {
		had[fmt.Sprint(who)]++
	}
	if fmt.Sprint(each) != fmt.Sprint(had) {
		t.Errorf("counted %v, not %v", each, had)
	}
	s.check(&again)

	// It was restored once, and begins no epoch at the next start.
	epoch = s.store.Epoch()
	s.stop()
	s.start(path)
	if now := s.store.Epoch(); now != epoch {
		t.Errorf("epoch %q after %q", now, epoch)
	}
}

// checkBeginning checks that the file holds a beginning of the entries, up to least or further but not all of them, and that
// everything is in it that the recorder knows of. It returns its head.
func checkBeginning(t *testing.T, path string, all []dstm.Entry, least dstm.Position, r *dstmtest.Recorder) dstm.Position {
	t.Helper()
	file, err := bolt.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	log, err := file.Log("main")
	if err != nil {
		t.Fatal(err)
	}
	restored, err := dstmtest.Entries(t.Context(), log, 0)
	if err != nil {
		t.Fatal(err)
	}
	head := dstm.Position(len(restored))
	if head < least || len(restored) >= len(all) {
		t.Fatalf("the backup holds %d entries of %d; %d were acknowledged before", head, len(all), least)
	}
	for i := range restored {
		if !bytes.Equal(restored[i].Data, all[i].Data) {
			t.Fatalf("entry %d is not what it was", i+1)
		}
	}
	if err := r.CheckEntries(restored); err != nil {
		t.Error(err)
	}
	return head
}
