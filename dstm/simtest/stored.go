package simtest

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
	"github.com/trefoilgo/trefoil/dstm/internal/world"
)

var quiet = slog.New(slog.DiscardHandler)

// startStored begins the process of a client with a storage, which is read, and written to, at once; now and then it is without a connection
// for a while. Its clock may be wrong.
func (c *client) startStored() {
	k := c.s.k
	c.storage.fresh = true
	w, skew := k.world(c.owner, c.s.count), time.Duration(0)
	if k.chance(2) {
		skew = k.between(-24*time.Hour, time.Hour)
	}
	now := w.Now
	w.Now = func() time.Time { return now().Add(skew) }
	c.dstm = world.NewClient(w, c.options()).(*dstm.Client)
	c.restored()
	offline := time.Duration(0)
	if !c.s.calm && k.chance(2) {
		offline = k.between(0, 500*time.Millisecond)
	}
	k.after(offline, c.dial)
	c.begin()
	k.spawn(c.owner, c.submitAll)
	k.spawn(c.owner, c.decide)
	k.spawn(c.owner, c.revisit)
}

// stop ends the process as it should end, if it has something to store; otherwise it just ends.
func (c *client) stop() {
	if c.storage == nil || c.dstm == nil || c.owner.dead || !c.s.k.chance(3) {
		c.crash()
		return
	}
	closing := c.dstm
	c.s.k.note("client %d closes", c.number)
	c.s.k.spawn(c.owner, func() {
		closing.Close()
		if c.dstm == closing {
			c.s.count.add("clients closed")
			c.crash()
		}
	})
}

// judgeStorages looks at the clients that have a storage.
func (s *simulation) judgeStorages(final map[string]witness.Seen) {
	log := map[string]int{}
	for _, data := range s.disks.entries {
		log[tagOf(data)]++
	}
	for _, c := range s.clients {
		if c.storage == nil || s.k.fault != nil {
			continue
		}
		if err := s.judgeWorks(c, log); err != nil {
			s.k.fail("client %d %v", c.number, err)
			return
		}
		err := s.reopened(c, func(o dstm.Object, w watch) error { return s.same(c, o, w, final[w.name]) })
		if err != nil {
			s.k.fail("client %d, started once more, %v", c.number, err)
		}
	}
}

// same compares what a client has stored with what there is.
func (s *simulation) same(c *client, o dstm.Object, w watch, end witness.Seen) error {
	if end.Version == 0 {
		end.Value = codec.AppendMap(nil, 0)
	}
	return o.View(func(tx *dstm.Tx) error {
		if tx.Version() != end.Version {
			return fmt.Errorf("has version %d of %s stored, the log %d", tx.Version(), w.name, end.Version)
		}
		return s.visible(tx, c, w.name, end.Value)
	})
}

// tagOf is the tag of the transaction that an entry of the log commits, "" if it has none.
func tagOf(data []byte) string {
	e, err := engine.Decode(data)
	if err != nil || e.Kind != engine.Commit || e.Metadata == nil {
		return ""
	}
	var metadata map[string]string
	if codec.Unmarshal(e.Metadata, &metadata) != nil {
		return ""
	}
	return metadata[witness.Tag]
}
