package main

import (
	"context"
	"strings"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/transport"
)

// roleOf is the role that the server wrote down for whoever the session's token belongs to; "" for visitors.
func roleOf(id transport.Identity) string {
	role, _ := id.Claims["role"].(string)
	return role
}

// mayBid reports whether somebody of that role may bid.
func mayBid(role string) bool { return role == roleBidder || role == roleSeller }

// objectRules say who may open and write what. That what is written makes sense is for lawful.
func objectRules() []dstm.Rule {
	return []dstm.Rule{
		{Object: "lot/*", Open: dstm.AllowAll, Write: writeLot},
		{Object: "account/*", Open: openAccount, Write: writeAccount},
		// The house itself has no rule: no client gets near it.
	}
}

func writeLot(_ context.Context, a *dstm.Access) error {
	if !mayBid(roleOf(a.Identity)) {
		return dstm.ErrDenied
	}
	switch p := a.Path; {
	case len(p) == 1 && (p[0] == "price" || p[0] == "leader" || p[0] == "bids"):
		return nil
	case len(p) == 2 && p[0] == "due":
		return nil
	}
	return dstm.ErrDenied
}

func openAccount(_ context.Context, a *dstm.Access) error {
	if user := a.Identity.User; user == "" || strings.TrimPrefix(a.Object, "account/") != user {
		return dstm.ErrDenied
	}
	return nil
}

func writeAccount(ctx context.Context, a *dstm.Access) error {
	if err := openAccount(ctx, a); err != nil || !mayBid(roleOf(a.Identity)) {
		return dstm.ErrDenied
	}
	switch p := a.Path; {
	case len(p) == 1 && p[0] == "available":
		return nil
	case len(p) == 2 && p[0] == "held":
		return nil
	}
	return dstm.ErrDenied
}

// topicRules let everybody listen and nobody but the server speak.
func topicRules() []pubsub.Rule {
	return []pubsub.Rule{
		{Topic: "prices.*", Subscribe: pubsub.AllowAll, History: 50, HistoryAge: time.Hour},
		{Topic: hammer.At().Topic(), Subscribe: pubsub.AllowAll, History: 200},
		{Topic: bell.At().Topic(), Subscribe: pubsub.AllowAll, History: 200},
	}
}
