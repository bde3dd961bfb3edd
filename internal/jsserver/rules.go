package main

import (
	"context"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// rules are those of the objects. Everything is allowed, but for what some names ask for.
var rules = []dstm.Rule{
	{Object: "strict/*", Open: dstm.AllowAll, Write: dstm.AllowAll, Strict: true},
	{Object: "bank/*", Open: dstm.AllowAll, Write: dstm.AllowAll, Invariant: notNegative},
	{Object: "game/*", Open: dstm.AllowAll, Write: dstm.AllowAll, Read: ownHand},
	{Object: "members/*", Open: noGuest, Write: noGuest},
	{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll, History: dstm.AllowAll},
}

var balance = dstm.NewVar[int]("balance")

// notNegative is the invariant of a bank.
func notNegative(_, after *dstm.Tx) error {
	if n := balance.At().Get(after); n < 0 {
		return status.New(status.FailedPrecondition, "bank.overdrawn", "the balance would be %d", n).WithDetail("balance", int64(n))
	}
	return nil
}

// noGuest refuses the user "guest": who was a member before has lost that.
func noGuest(_ context.Context, a *dstm.Access) error {
	if a.Identity.User == "guest" {
		return status.New(status.PermissionDenied, "", "for members")
	}
	return nil
}

// ownHand lets the user "dealer" read all of a game, everybody else the table and their own hand.
func ownHand(_ context.Context, a *dstm.Access) ([]dstm.Path, error) {
	if a.Identity.User == "dealer" {
		return []dstm.Path{{}}, nil
	}
	return []dstm.Path{{"table"}, {"hands", a.Identity.User}}, nil
}
