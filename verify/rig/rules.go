package rig

import (
	"context"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
)

// What the names of objects with rules of their own begin with.
const (
	// Strict objects are strict.
	Strict = "strict/"
	// Checked objects hold integers at their root; none may be below zero.
	Checked = "checked/"
	// Private objects have a map "both" of which every client may read either what is at "left", or at "right", or all.
	Private = "private/"
)

// ServerRules are the rules of the servers.
func ServerRules() []dstm.Rule {
	all := dstm.Rule{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll, History: dstm.AllowAll}
	strict, checked, private := all, all, all
	strict.Object, strict.Strict = Strict+"**", true
	checked.Object, checked.Invariant = Checked+"**", notBelowZero
	private.Object, private.Read = Private+"**", oneSide
	return []dstm.Rule{strict, checked, private, all}
}

func notBelowZero(_, after *dstm.Tx) error {
	for _, name := range after.Keys() {
		n := 0
		if after.Lookup(&n, name); n < 0 {
			return status.New(status.FailedPrecondition, "", "%s would be below zero", name)
		}
	}
	return nil
}

// oneSide divides the clients by their ids, which are random.
func oneSide(_ context.Context, a *dstm.Access) ([]dstm.Path, error) {
	switch a.Client[0] % 3 {
	case 0:
		return []dstm.Path{{"both", "left"}}, nil
	case 1:
		return []dstm.Path{{"both", "right"}}, nil
	}
	return []dstm.Path{{}}, nil
}
