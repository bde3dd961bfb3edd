package main

import (
	"bytes"
	"context"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// Dots on notes lie in an object of their own, "votes/ID", so that their rule is not asked about every stroke of a pen:
//
//	dots             how many each person has; defaultDots if absent
//	by/CLIENT/used   how many of them CLIENT has given
//	by/CLIENT/on/ID  how many of those lie on note ID
//
// A person is a client: a page and what it is after a reload. Whoever opens another window is another person to this example, which
// asks nobody for a name that they could prove; a program that authenticates would take Identity.User.
const (
	defaultDots = 5
	maxDots     = 50
	maxVoters   = 500  // at one board
	maxVotedOn  = 1000 // notes on which one person has, or had, dots
)

// ownVotes lets each client write its own counts, and everybody how many dots there are.
func ownVotes(_ context.Context, a *dstm.Access) error {
	p := a.Path
	own := len(p) >= 3 && p[0] == "by" && p[1] == a.Client.String()
	if own && (len(p) == 3 && p[2] == "used" || len(p) == 4 && p[2] == "on") || len(p) == 1 && p[0] == "dots" {
		return nil
	}
	return status.New(status.PermissionDenied, "whiteboard.not_yours", "everybody gives their own dots only")
}

// fairVotes holds after each commit: what a person has used is what lies on the notes, and nobody uses more dots than there are.
// Who had given more than that before the number was lowered may keep them, and can only take some back.
func fairVotes(before, after *dstm.Tx) error {
	dots := int64(defaultDots)
	if after.Lookup(&dots, "dots"); dots < 1 || dots > maxDots {
		return unfair("everybody has 1 to %d dots", maxDots)
	}
	voters := after.Keys("by")
	if len(voters) > maxVoters {
		return unfair("at most %d people vote on one board", maxVoters)
	}
	for _, client := range voters {
		if bytes.Equal(before.Read("by", client), after.Read("by", client)) {
			continue
		}
		var used, had, sum int64
		before.Lookup(&had, "by", client, "used")
		after.Lookup(&used, "by", client, "used")
		notes := after.Keys("by", client, "on")
		if len(notes) > maxVotedOn {
			return unfair("a person votes on at most %d notes", maxVotedOn)
		}
		for _, id := range notes {
			var n int64
			if after.Lookup(&n, "by", client, "on", id); n < 0 || n > maxDots {
				return unfair("a note has 0 to %d dots of one person", maxDots)
			}
			sum += n
		}
		if sum != used || used < 0 || used > max(dots, had) {
			return unfair("nobody gives more than %d dots", dots)
		}
	}
	return nil
}

func unfair(format string, args ...any) error {
	return status.New(status.FailedPrecondition, "whiteboard.unfair", format, args...)
}
