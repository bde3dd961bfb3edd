package simtest

import (
	"bytes"
	"fmt"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
)

// putBack replaces the log by its older copy. What was told about the part that goes is judged now, and then forgotten.
func (s *simulation) putBack() {
	d := s.disks
	if _, err := s.final(); err != nil {
		s.k.fail("before the log is put back: %v", err)
	}
	old := d.old
	s.k.note("the log is put back from %d to %d", d.head(), old.head())
	if d.head() > old.head() {
		s.count.add("restores that lose commits")
	}
	s.record.Forget(old.head())
	s.restores++
	clear(s.frames.never)
	*d = *old
	d.entries = append([][]byte(nil), old.entries...)
	d.old = old
}

// final judges the log by what was told, and returns what it makes of the objects. What the nodes have answered a
// transaction that may have been sent before counts even if nobody has heard it: what is refused then is refused for good.
func (s *simulation) final() (map[string]witness.Seen, error) {
	var refused []witness.Outcome
	for a := range s.frames.never {
		refused = append(refused, witness.Outcome{Client: a.client, Sequence: a.sequence, Result: witness.Refused})
	}
	return s.record.Final(s.disks.entries, refused...)
}

// judge looks at what everybody holds when everything has come to rest.
func (s *simulation) judge() {
	d := s.disks
	for _, n := range s.nodes {
		if !n.up() {
			s.k.fail("%s is not up in the end", n.name)
			return
		}
		if uint64(n.store.Position()) != d.head() {
			s.k.fail("%s stands at %d, the log at %d", n.name, n.store.Position(), d.head())
		}
	}
	final, err := s.final()
	if err != nil {
		s.k.fail("%v", err)
		return
	}
	names := s.objects
	if s.hand {
		names = append(names[:len(names):len(names)], hand)
	}
	for _, name := range names {
		end, ok := final[name]
		if !ok { // nobody has written it
			end.Value = codec.AppendMap(nil, 0)
		}
		s.k.mix(0, string(end.Value))
		for _, c := range s.clients {
			for i, w := range c.watched() {
				if w.name == name {
					s.compare(c, c.folds[i], w, end.Version, end.Value)
				}
			}
		}
	}
	s.judgeStorages(final)
	for i, data := range d.entries {
		if e, err := engine.Decode(data); err == nil && e.Kind == engine.NewEpoch && i > 0 {
			s.count.add("new epochs")
		}
	}
}

func (s *simulation) compare(c *client, f *fold, w watch, version uint64, value codec.Raw) {
	if f == nil {
		s.k.fail("client %d does not have %s open in the end", c.number, w.name)
		return
	}
	err := f.object.View(func(tx *dstm.Tx) error {
		if tx.Version() != version {
			return fmt.Errorf("ends at version %d, the log at %d", tx.Version(), version)
		}
		told := f.root.Find(f.path).Value()
		if have := tx.Read(f.path...); !bytes.Equal(told, have) {
			return fmt.Errorf("was told changes that make %x at %s, and holds %x", told, f.path, have)
		}
		return s.visible(tx, c, w.name, value)
	})
	if err != nil {
		s.k.fail("client %d's %s %v", c.number, w.name, err)
	}
}
