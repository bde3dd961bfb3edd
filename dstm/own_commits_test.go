package dstm

import (
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
)

// What others moved counts whether this process heard of it before or after it heard of its own commit, and not if it came before that
// commit in the log.
func TestDisplaced(t *testing.T) {
	list := []txn.Write{{Op: txn.OpMove, Path: tree.Path{"l"}, ID: "x", Place: tree.Place{Where: tree.First}}}
	theirs := func(position Position, id string) displacement {
		return displacement{"log", "o", position, []Path{{"l", id}}}
	}
	mine := ownCommit{log: "log", position: 5, effects: []ownEffect{{object: "o", before: &tree.Node{}, writes: list}}}
	for name, c := range map[string]struct {
		before, after []displacement
		moved         int
		unseen        bool
	}{
		"told before":      {before: []displacement{theirs(6, "x")}, moved: 1},
		"told after":       {after: []displacement{theirs(6, "x")}, moved: 1},
		"earlier":          {before: []displacement{theirs(4, "x")}, after: []displacement{theirs(4, "x")}},
		"another element":  {before: []displacement{theirs(6, "y")}, after: []displacement{theirs(7, "y")}},
		"a snapshot":       {after: []displacement{{"log", "o", 6, nil}}, unseen: true},
		"another's":        {after: []displacement{{"log", "p", 6, nil}, {"other", "o", 6, nil}}},
		"too many between": {before: append([]displacement{theirs(6, "x")}, make([]displacement, maxDisplaced)...), unseen: true},
	} {
		var own ownCommits
		for _, d := range c.before {
			own.displace(d)
		}
		own.add(ownCommit{log: mine.log, position: mine.position, effects: append([]ownEffect(nil), mine.effects...)})
		for _, d := range c.after {
			own.displace(d)
		}
		if moved, unseen := own.displaced(Commit{Log: "log", Position: 5}, "o"); len(moved) != c.moved || unseen != c.unseen {
			t.Errorf("%s: %v, %v", name, moved, unseen)
		}
	}
}
