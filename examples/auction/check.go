package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
)

// journal is what bidders were told: the bids that the server acknowledged to them. It knows nothing of the log.
type journal struct {
	mu       sync.Mutex
	receipts []signed
}

// signed is a receipt and whose it is.
type signed struct {
	Receipt
	user string
}

func (j *journal) add(user, lot string, amount Cents, commit dstm.Commit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.receipts = append(j.receipts, signed{Receipt{Lot: lot, Amount: amount, Epoch: commit.Epoch, Position: uint64(commit.Position)}, user})
}

func (j *journal) all() []signed {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.receipts)
}

// check is the self-check: the log is read from its first entry, every acknowledged bid is looked for in it, and all balances are
// recomputed and compared with those that the store holds.
func (s *server) check(ctx context.Context) (*Report, error) {
	s.checking.Lock()
	defer s.checking.Unlock()
	began := time.Now()
	b := newBooks(s.house, s.log)
	b.auditor = newAuditor(s.log, true)
	receipts := s.journal.all() // before the log: what was acknowledged by then must be in it
	out, err := b.audit(ctx)
	if err != nil {
		return nil, err
	}
	r := reportOf(b.auditor, receipts)
	for _, line := range out.Accounts {
		if !line.Agrees {
			r.OK = false
			r.Lines = append(r.Lines, fmt.Sprintf("account %s: the log says %d cents free and %d set aside, the store something else", line.ID, line.Available, line.Held))
		}
	}
	r.Millis = time.Since(began).Milliseconds()
	r.Lines = append(r.Lines, verdict(r.OK))
	return r, nil
}

func verdict(ok bool) string {
	if ok {
		return "self-check passed: everything is accounted for"
	}
	return "SELF-CHECK FAILED"
}

// reportOf compares what bidders were told with what an auditor found in the log.
func reportOf(a *auditor, receipts []signed) *Report {
	r := &Report{
		OK: a.first == 1 && len(a.problems) == 0 && a.total == a.minted, Acknowledged: len(receipts), Missing: []Missing{},
		Minted: a.minted, Total: a.total, Position: uint64(a.position),
	}
	used := map[uint64]bool{}
	for _, got := range receipts {
		why := a.lookFor(&got)
		if why == "" && used[got.Position] {
			why = "the same entry was acknowledged twice"
		}
		used[got.Position] = true
		if why != "" {
			r.OK = false
			r.Missing = append(r.Missing, Missing{Lot: got.Lot, User: got.user, Amount: got.Amount, Position: got.Position, Why: why})
			continue
		}
		r.Accounted++
	}
	r.Lines = append(r.Lines,
		fmt.Sprintf("log: %d entries up to %d, chain of hashes %s", a.entries, a.position, verified(a)),
		fmt.Sprintf("bids: %d in the log; %d were acknowledged here, %d of them are accounted for", a.bids, r.Acknowledged, r.Accounted),
		fmt.Sprintf("money: %s given out, %s in %d accounts", euros(a.minted), euros(a.total), len(a.users())),
	)
	for _, problem := range a.problems {
		r.Lines = append(r.Lines, "problem: "+problem)
	}
	for i, m := range r.Missing {
		if i == mostProblems {
			r.Lines = append(r.Lines, fmt.Sprintf("and %d more", len(r.Missing)-i))
			break
		}
		r.Lines = append(r.Lines, fmt.Sprintf("missing: %s by %s on lot %s, acknowledged at %d: %s", euros(m.Amount), m.User, m.Lot, m.Position, m.Why))
	}
	return r
}

// lookFor says why a receipt is not in the log, "" if it is.
func (a *auditor) lookFor(got *signed) string {
	at := dstm.Position(got.Position)
	found, ok := a.receipts[at]
	switch {
	case ok && found.Lot == got.Lot && found.Amount == got.Amount && a.bidders[at] == got.user:
		return ""
	case at > a.position:
		return fmt.Sprintf("the log ends at %d", a.position)
	case got.Epoch != a.epochOf(at):
		return "the log was restored from a backup that does not have it"
	}
	return "the entry says something else"
}

// epochOf is the epoch in which an entry was written.
func (a *auditor) epochOf(at dstm.Position) (name string) {
	for _, e := range a.epochs {
		if e.position <= at {
			name = e.name
		}
	}
	return name
}

func verified(a *auditor) string {
	switch {
	case a.first > 1:
		return fmt.Sprintf("not verified: the log begins at %d", a.first)
	case len(a.problems) > 0:
		return "with problems"
	}
	return "unbroken"
}

func euros(cents Cents) string { return fmt.Sprintf("%d.%02d EUR", cents/100, cents%100) }

// handleAudit makes calls answer for the audit.
func (s *server) handleAudit(calls *rpc.Peer) {
	runCheck.Handle(calls, func(ctx context.Context, _ struct{}) (Report, error) {
		report, err := s.check(ctx)
		if err != nil {
			return Report{}, err
		}
		return *report, nil
	}, needs(roleAuctioneer))
	findReceipts.Handle(calls, func(ctx context.Context, in []Receipt) ([]Found, error) {
		user, _ := caller(ctx)
		return s.books.find(ctx, user, in)
	}, needs(roleBidder, roleSeller, roleAuctioneer))
}

// find is the call receipts.find.
func (b *books) find(ctx context.Context, user string, in []Receipt) ([]Found, error) {
	if len(in) > 100 {
		return nil, status.New(status.InvalidArgument, "auction.too_many", "100 receipts at once are the most")
	}
	head, err := b.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Found, len(in))
	for i, got := range in {
		at := dstm.Position(got.Position)
		if at < 1 || at > head {
			out[i].Why = fmt.Sprintf("the log ends at %d", head)
			continue
		}
		if out[i].Found, err = b.holds(ctx, user, &got); err != nil {
			return nil, err
		}
		if !out[i].Found {
			out[i].Why = "the entry says something else"
		}
	}
	return out, nil
}

// holds reports whether the entry that a receipt names is that bid.
func (b *books) holds(ctx context.Context, user string, got *Receipt) (bool, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for entry, err := range b.log.Read(ctx, dstm.Position(got.Position)-1) {
		if err != nil {
			return false, err
		}
		line, err := b.entry(entry)
		if err != nil || line.User != user {
			return false, err
		}
		for _, c := range line.Changes {
			if c.Object == lotObject(got.Lot) && len(c.Path) == 1 && c.Path[0] == "price" {
				return c.Value == got.Amount, nil
			}
		}
		return false, nil
	}
	return false, context.Cause(ctx)
}
