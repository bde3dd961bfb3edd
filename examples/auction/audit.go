package main

import (
	"context"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// books answers the addresses of the audit.
type books struct {
	house *house
	log   dstm.Log

	mu      sync.Mutex
	auditor *auditor // goes on from call to call
}

func newBooks(h *house, log dstm.Log) *books {
	return &books{house: h, log: log, auditor: newAuditor(log, false)}
}

// auditAnswer is what GET /api/audit answers.
type auditAnswer struct {
	Position uint64         `json:"position"`
	Hash     string         `json:"hash"`
	Epoch    string         `json:"epoch"`
	First    uint64         `json:"first"`
	Whole    bool           `json:"whole"`
	Problems []string       `json:"problems"`
	Entries  int            `json:"entries"`
	Bids     int            `json:"bids"`
	Minted   Cents          `json:"minted"`
	Total    Cents          `json:"total"`
	Accounts []balance      `json:"accounts"`
	Lots     map[string]int `json:"lots"`
	Agrees   bool           `json:"agrees"`
}

// balance is an account as it was recomputed.
type balance struct {
	Person
	Available Cents `json:"available"`
	Held      Cents `json:"held"`
	Spent     Cents `json:"spent"`
	Earned    Cents `json:"earned"`
	Agrees    bool  `json:"agrees"`
}

// audit replays the log up to now and compares.
func (b *books) audit(ctx context.Context) (*auditAnswer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	agreed, err := b.compareAll(ctx)
	if err != nil {
		return nil, err
	}
	a := b.auditor
	out := &auditAnswer{
		Position: uint64(a.position), Hash: hex.EncodeToString(a.hash[:]), Epoch: a.epoch, First: uint64(a.first), Whole: a.first == 1,
		Problems: append([]string{}, a.problems...), Entries: a.entries, Bids: a.bids, Minted: a.minted, Total: a.total,
		Accounts: []balance{}, Lots: map[string]int{stateOpen: 0, stateSold: 0, stateUnsold: 0, stateCancelled: 0},
	}
	out.Agrees = out.Whole && a.total == a.minted
	for _, name := range slices.Sorted(maps.Keys(a.objects)) {
		if strings.HasPrefix(name, "lot/") {
			out.Lots[a.objects[name].facts(name).state]++
		}
	}
	for _, user := range a.users() {
		is, _ := a.account(user)
		line := balance{Person: b.house.personOf(user), Available: is.Available, Held: is.worth() - is.Available, Spent: is.Spent, Earned: is.Earned, Agrees: agreed[user]}
		line.ID = user
		out.Agrees = out.Agrees && line.Agrees
		out.Accounts = append(out.Accounts, line)
	}
	return out, nil
}

// mostRounds bounds how often an account is looked at that changes all the time.
const mostRounds = 50

// compareAll compares all recomputed balances with those that the store holds, each at a moment when both are of the same version.
func (b *books) compareAll(ctx context.Context) (agreed map[string]bool, err error) {
	agreed = map[string]bool{}
	for range mostRounds {
		if err := b.auditor.advance(ctx); err != nil {
			return nil, err
		}
		done := true
		for _, user := range b.auditor.users() {
			if _, ok := agreed[user]; ok {
				continue
			}
			same, agrees, err := b.compare(ctx, user)
			if err != nil {
				return nil, err
			}
			if same {
				agreed[user] = agrees
			} else {
				done = false
			}
		}
		if done {
			break
		}
	}
	return agreed, nil
}

// compare reports whether both sides are of the same version, and if so, whether they agree.
func (b *books) compare(ctx context.Context, user string) (same, agrees bool, err error) {
	account, err := b.house.ledger.of(ctx, user)
	if err != nil {
		return false, false, err
	}
	recomputed, version := b.auditor.account(user)
	// The log is a moment ahead of the store while a commit is being published.
	ctx, stop := context.WithTimeout(ctx, houseTimeout)
	defer stop()
	if err := account.Wait(ctx, version); err != nil {
		return false, false, err
	}
	err = account.View(func(tx *dstm.Tx) error {
		stored := accountAt(tx)
		same = tx.Version() == version
		agrees = stored.Available == recomputed.Available && stored.Spent == recomputed.Spent &&
			stored.Earned == recomputed.Earned && maps.Equal(stored.Held, recomputed.Held)
		return nil
	})
	return same, agrees, err
}

// entryAnswer is an entry of the log as GET /api/audit/log answers it.
type entryAnswer struct {
	Position uint64         `json:"position"`
	Time     Millis         `json:"time"`
	Kind     string         `json:"kind"`
	User     string         `json:"user"`
	Name     string         `json:"name"`
	Epoch    string         `json:"epoch"`
	Previous string         `json:"previous"`
	Hash     string         `json:"hash"`
	Size     int            `json:"size"`
	Bytes    []byte         `json:"bytes"` // of which Hash is the hash; empty where something in them is hidden
	Changes  []changeAnswer `json:"changes"`
}

type changeAnswer struct {
	Object  string   `json:"object"`
	Version uint64   `json:"version"`
	Op      string   `json:"op"`
	Path    []string `json:"path"`
	Value   any      `json:"value"`
}

type logAnswer struct {
	Head    uint64        `json:"head"`
	First   uint64        `json:"first"`
	Entries []entryAnswer `json:"entries"`
}

// Limits of one page of the log.
const (
	usualEntries = 50
	mostEntries  = 200
)

// entries reads the entries below before, newest first.
func (b *books) entries(ctx context.Context, before uint64, limit int) (*logAnswer, error) {
	head, err := b.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	first := uint64(b.auditor.first)
	b.mu.Unlock()
	out := &logAnswer{Head: uint64(head), First: first, Entries: []entryAnswer{}}
	last := uint64(head)
	if before > 0 {
		last = min(last, before-1)
	}
	from := max(last-min(last, uint64(limit)), first-1)
	if from >= last {
		return out, nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for entry, err := range b.log.Read(ctx, dstm.Position(from)) {
		if err != nil {
			return nil, err
		}
		line, err := b.entry(entry)
		if err != nil {
			return nil, err
		}
		out.Entries = append(out.Entries, line)
		if uint64(entry.Position) >= last {
			break
		}
	}
	slices.Reverse(out.Entries)
	return out, nil
}

func (b *books) entry(entry dstm.Entry) (line entryAnswer, err error) {
	r, err := dstm.ReadRecord(entry)
	if err != nil {
		return line, err
	}
	line = entryAnswer{
		Position: uint64(r.Position), Time: r.Time.UnixMilli(), Kind: string(r.Kind), User: r.User, Name: b.house.people.name(r.User), Epoch: r.Epoch,
		Previous: hex.EncodeToString(r.Previous[:]), Hash: hex.EncodeToString(r.Hash[:]), Size: r.Size, Bytes: entry.Data, Changes: []changeAnswer{},
	}
	for _, part := range r.Parts {
		for _, w := range part.Writes {
			change := changeAnswer{Object: part.Object, Version: part.Version, Op: w.Op, Path: w.Path}
			if hidden(part.Object, w.Path) {
				line.Bytes = []byte{}
			}
			if w.Value != nil {
				if hidden(part.Object, w.Path) {
					change.Value = "hidden"
				} else if err := codec.Unmarshal(w.Value, &change.Value); err != nil {
					return line, err
				}
			}
			line.Changes = append(line.Changes, change)
		}
	}
	return line, nil
}

// hidden reports whether what stands there is nobody's business: maxima, and who has which token.
func hidden(object string, path dstm.Path) bool {
	if len(path) == 0 {
		return true
	}
	return strings.HasPrefix(object, "account/") && path[0] == "maxima" || object == houseObject && path[0] == "tokens"
}

// routes adds the addresses of the audit.
func (s *server) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/audit", func(w http.ResponseWriter, r *http.Request) {
		out, err := s.books.audit(r.Context())
		if err != nil {
			fail(w, err)
			return
		}
		answer(w, http.StatusOK, out)
	})
	mux.HandleFunc("GET /api/audit/log", func(w http.ResponseWriter, r *http.Request) {
		before, limit, err := pageOf(r)
		if err != nil {
			fail(w, err)
			return
		}
		out, err := s.books.entries(r.Context(), before, limit)
		if err != nil {
			fail(w, err)
			return
		}
		answer(w, http.StatusOK, out)
	})
	mux.HandleFunc("POST /api/check", func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, who, ok := s.house.people.holder(token); !ok {
			fail(w, status.New(status.Unauthenticated, "auction.bad_token", "the house does not know this token"))
			return
		} else if who.Role != roleAuctioneer {
			fail(w, status.New(status.PermissionDenied, "auction.role", "the auctioneer runs the self-check"))
			return
		}
		report, err := s.check(r.Context())
		if err != nil {
			fail(w, err)
			return
		}
		answer(w, http.StatusOK, report)
	})
}

func pageOf(r *http.Request) (before uint64, limit int, err error) {
	limit = usualEntries
	if text := r.FormValue("before"); text != "" {
		before, err = strconv.ParseUint(text, 10, 53)
	}
	if text := r.FormValue("limit"); text != "" && err == nil {
		limit, err = strconv.Atoi(text)
	}
	if err != nil || limit < 1 {
		return 0, 0, status.New(status.InvalidArgument, "auction.bad_request", "before and limit are whole numbers")
	}
	return before, min(limit, mostEntries), nil
}
