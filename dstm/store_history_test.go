package dstm

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

func randomHistory(t *testing.T) *rand.Rand {
	n := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SEED=%d", n)
	return rand.New(rand.NewPCG(n, 0))
}

// flushNow makes a checkpoint of what has changed.
func (s *Store) flushNow(t *testing.T) *storeCheckpoint {
	t.Helper()
	s.mu.Lock()
	c := s.beginCheckpoint()
	s.mu.Unlock()
	if err := s.save(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s.finishCheckpoint(c, true)
	if err := s.truncate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// commit sets the object to what it is at that version.
func commitVersion(t *testing.T, s *Store, name string, version uint64) {
	t.Helper()
	if err := s.replace(t.Context(), name, valueAt(name, version), nil); err != nil {
		t.Fatal(err)
	}
}

func valueAt(name string, version uint64) codec.Raw {
	raw, _ := codec.Marshal(map[string]any{"name": name, "version": version})
	return raw
}

// reached is the oldest version from which the history of an object goes to the present without a gap. It checks all that there is.
func reached(t *testing.T, s *Store, name string, present uint64) uint64 {
	t.Helper()
	oldest := present
	for version := present; ; version-- {
		o, epoch, err := s.stateAt(t.Context(), name, version)
		if errors.Is(err, ErrHistory) {
			break
		}
		if err != nil || epoch != s.Epoch() || o.Version != version || version > 0 && string(o.Root.Value()) != string(valueAt(name, version)) {
			t.Fatalf("%q at %d: %+v, %v", name, version, o, err)
		}
		if oldest = version; version == 0 {
			break
		}
	}
	for from := oldest; from <= present; from++ {
		next := from
		for r, err := range s.revisions(t.Context(), name, from, 0) {
			if errors.Is(err, ErrHistory) && from == 0 {
				return 1 // version 0 is always known, but not what led to the next
			}
			if err != nil {
				t.Fatalf("%q from %d: %v", name, from, err)
			}
			if next++; r.Version != next || string(r.After.Value()) != string(valueAt(name, next)) || len(r.Writes) != 1 || !s.own.is(r.Client) && r.Time == 0 {
				t.Fatalf("%q from %d: %+v in place of version %d", name, from, r, next)
			}
		}
		if next != present {
			t.Fatalf("%q from %d: the history ends at %d of %d", name, from, next, present)
		}
	}
	return oldest
}

// Random commits, checkpoints, drops and restarts: whatever the history tells is true and has no gap, it goes back as far as the log,
// and states that are of no use any more are removed.
func TestHistory(t *testing.T) {
	r := randomHistory(t)
	names := []string{"kept/a", "kept/b", "kept/c", "plain"}
	for range 5 {
		log := NewMemoryLog()
		opts := &StoreOptions{
			Resident: 1, KeepBytes: 1 + r.IntN(8_000), Recent: 1 + r.IntN(5_000), CheckpointEntries: 1 << 30,
			Rules: []Rule{{Object: "kept/*", History: AllowAll}},
		}
		versions := map[string]uint64{}
		var s *Store
		for step := range 150 {
			if s == nil {
				var err error
				if s, err = NewStore(log.Share(), opts); err != nil {
					t.Fatal(err)
				}
			}
			switch r.IntN(12) {
			case 0:
				c := s.flushNow(t)
				checkReach(t, s, log, c, names, versions)
			case 1:
				s.Close(t.Context())
				s = nil
			case 2:
				s.evict()
			default:
				name := names[r.IntN(len(names))]
				versions[name]++
				commitVersion(t, s, name, versions[name])
			}
			if s != nil && step%25 == 24 {
				for _, name := range names {
					reached(t, s, name, versions[name])
				}
			}
		}
		if s != nil {
			s.Close(t.Context())
		}
	}
}

// checkReach checks that the history of what has a rule goes as far back as the log, and that no state is kept for nothing.
func checkReach(t *testing.T, s *Store, log *MemoryLog, c *storeCheckpoint, names []string, versions map[string]uint64) {
	t.Helper()
	first := map[string]uint64{} // version before the first entry that the log holds
	for raw, err := range log.Read(t.Context(), Position(c.head.Reach)) {
		if err != nil {
			t.Fatal(err)
		}
		e, err := engine.Decode(raw.Data)
		if err != nil {
			t.Fatal(err)
		}
		for i := range e.Parts {
			if _, ok := first[e.Parts[i].Object]; !ok {
				first[e.Parts[i].Object] = e.Parts[i].Version - 1
			}
		}
		if raw.Position == s.Position() {
			break
		}
	}
	for _, name := range names[:3] {
		if oldest, ok := first[name]; ok {
			if got := reached(t, s, name, versions[name]); got > max(oldest, 1) {
				t.Fatalf("the log reaches %q back to %d, the history to %d", name, oldest, got)
			}
		}
	}
	for key, err := range log.Keys(t.Context(), keyHistory, "") {
		span, ok := parseSpan(key)
		if err != nil || !ok || span.until <= c.head.Reach || span.until <= span.from {
			t.Fatalf("%q is kept though the log begins behind %d: %v", key, c.head.Reach, err)
		}
	}
}

// Entries go when KeepBytes stand behind them and they are older than KeepAge.
func TestKeep(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for name, c := range map[string]struct {
		bytes int
		age   time.Duration
		want  uint64 // of ten entries, one each second and a checkpoint behind each, so many may go
	}{
		"little":                {1, 0, 9},
		"bytes":                 {350, 0, 6},
		"much":                  {1 << 30, 0, 0},
		"age":                   {1, 4 * time.Second, 6},
		"bytes more than age":   {650, 2 * time.Second, 3},
		"age more than bytes":   {150, 8 * time.Second, 2},
		"everything is too new": {1, time.Hour, 0},
	} {
		var h engine.Head
		for i := range 10 {
			at := now.Add(time.Duration(i-9) * time.Second)
			h.Marks = append(h.Marks, engine.Mark{Position: uint64(i + 1), Time: at.UnixNano(), Bytes: uint64(100 * (i + 1))})
		}
		trimMarks(&h, c.bytes, c.age, now.UnixNano())
		if h.Reach != c.want || h.Marks[0].Position != max(c.want, 1) {
			t.Errorf("%s: truncated up to %d, marks from %d", name, h.Reach, h.Marks[0].Position)
		}
	}
	h := engine.Head{}
	for i := range 5 * maxMarks {
		h.Marks = append(h.Marks, engine.Mark{Position: uint64(i + 1), Bytes: uint64(i + 1)})
		trimMarks(&h, 1<<30, 0, 0)
		if len(h.Marks) > maxMarks || h.Marks[len(h.Marks)-1].Position != uint64(i+1) || h.Marks[0].Position != 1 {
			t.Fatalf("%d marks after %d", len(h.Marks), i)
		}
	}
}

// What a session asks of an object that does not exist, or of versions that never were, is refused.
func TestHistoryRefuses(t *testing.T) {
	s, err := NewStore(NewMemoryLog(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	commitVersion(t, s, "o", 1)
	first := func(seq iter.Seq2[storeRevision, error]) (err error) {
		for _, err = range seq {
			break
		}
		return err
	}
	if _, _, err := s.stateAt(t.Context(), "o", 2); !errors.Is(err, ErrHistory) {
		t.Error(err)
	}
	if err := first(s.revisions(t.Context(), "o", 0, 2)); !errors.Is(err, ErrHistory) {
		t.Error(err)
	}
	if err := first(s.revisions(t.Context(), "never", 1, 0)); !errors.Is(err, ErrHistory) {
		t.Error(err)
	}
	if o, _, err := s.stateAt(t.Context(), "never", 0); err != nil || o.Version != 0 {
		t.Error(err)
	}
	if err := first(s.revisions(t.Context(), "o", 1, 0)); err != nil {
		t.Error(err)
	}
	if fmt.Sprint(storeSpan{1, 2, 3}.key("o")) != "h/o\x00000000000000000100000000000000020000000000000003" {
		t.Errorf("%q", storeSpan{1, 2, 3}.key("o"))
	}
}
