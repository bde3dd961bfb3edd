// Package witness judges a finished history: the log as it is, and what clients
// were told and saw while it grew. Tests that commit end with it.
//
// It takes time linear in the history, and shares with the product only the
// parsing of entries: what the entries do it works out anew, on plain maps.
package witness

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
)

// Tag is the metadata key that names a transaction to the witness, where a test
// does not know client and sequence.
const Tag = "witness"

// Result is what a client was told of a transaction.
type Result int

// The results.
const (
	// Unknown: no answer came, or one that said that it may have happened.
	Unknown Result = iota
	// Committed: it was told to be committed.
	Committed
	// Refused: it was told that it was not and will not be committed.
	Refused
)

// Outcome is one transaction as its client saw it, named by Client and Sequence or by Tag.
type Outcome struct {
	Client   engine.ID
	Sequence uint64
	Tag      string

	Result   Result
	Position uint64 // where it was told to be committed; 0 if that was not told
	Object   string // and its version, 0 if that was not told
	Version  uint64
	// Since is the highest position that anyone was told of before the transaction began, if that was
	// recorded: it must stand behind it.
	Since uint64
	// Reads are what the transaction read, if they were recorded.
	Reads []Read
	// ReadOnly says that the transaction wrote nothing: it is not in the log, and read what was there at Position.
	ReadOnly bool
}

// Read is one value that a transaction read before it wrote.
type Read struct {
	Object string
	Path   tree.Path
	Value  codec.Raw // canonical; nil: absent
	// Keys says that not the value was read but the keys, in their order: Names.
	Keys  bool
	Names []string
	// Guard, if it is set, says that all that was read of the value is that this is true of it.
	Guard func(value codec.Raw) bool
}

// Seen is an object, or what it has at a path, at a version as some replica held it.
type Seen struct {
	Object  string
	Version uint64
	Path    tree.Path
	Value   codec.Raw // canonical; nil: nothing
}

// History is all that a test knows.
type History struct {
	// Entries are the data of all entries of the log, from position 1.
	Entries  [][]byte
	Outcomes []Outcome
	Seen     []Seen
}

type author struct {
	client   engine.ID
	sequence uint64
}

// checker replays a history.
type checker struct {
	objects  map[string]*object
	byAuthor map[author]*Outcome
	byTag    map[string]*Outcome
	seen     map[string]map[uint64][]Seen
	told     map[*Outcome]bool // committed outcomes found in the log
	readers  map[uint64][]*Outcome
	commits  map[author]uint64
	refusals map[author]uint64
	tags     map[string]uint64
}

type object struct {
	root    *node
	version uint64
}

func newChecker() *checker {
	return &checker{
		objects: map[string]*object{}, byAuthor: map[author]*Outcome{}, byTag: map[string]*Outcome{},
		seen: map[string]map[uint64][]Seen{}, told: map[*Outcome]bool{}, readers: map[uint64][]*Outcome{},
		commits: map[author]uint64{}, refusals: map[author]uint64{}, tags: map[string]uint64{},
	}
}

// Check returns the first way in which the history is impossible, nil if there is none.
func Check(h History) error { return newChecker().check(&h) }

func (c *checker) check(h *History) error {
	if err := c.index(h); err != nil {
		return err
	}
	if err := c.replay(h.Entries); err != nil {
		return err
	}
	for i := range h.Outcomes {
		if o := &h.Outcomes[i]; o.Result == Committed && !c.told[o] {
			return fmt.Errorf("%s was told to be committed, but is not in the log", o.name())
		}
	}
	for name, versions := range c.seen {
		for version := range versions {
			return fmt.Errorf("somebody saw version %d of %q, which is at %d", version, name, c.object(name).version)
		}
	}
	return nil
}

func (o *Outcome) name() string {
	if o.Tag != "" {
		return fmt.Sprintf("transaction %q", o.Tag)
	}
	return fmt.Sprintf("transaction %s/%d", hex.EncodeToString(o.Client[:4]), o.Sequence)
}

func (c *checker) index(h *History) error {
	for i := range h.Outcomes {
		o := &h.Outcomes[i]
		if o.ReadOnly {
			if o.Result == Committed {
				c.readers[o.Position] = append(c.readers[o.Position], o)
			}
			continue
		}
		var before *Outcome
		if o.Tag != "" {
			before = c.byTag[o.Tag]
			c.byTag[o.Tag] = o
		} else {
			a := author{o.Client, o.Sequence}
			before = c.byAuthor[a]
			c.byAuthor[a] = o
		}
		if before != nil {
			return fmt.Errorf("%s is recorded twice", o.name())
		}
	}
	for _, s := range h.Seen {
		if c.seen[s.Object] == nil {
			c.seen[s.Object] = map[uint64][]Seen{}
		}
		c.seen[s.Object][s.Version] = append(c.seen[s.Object][s.Version], s)
		if s.Version == 0 {
			if err := c.look(s.Object); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checker) replay(entries [][]byte) error {
	var previous [sha256.Size]byte
	var last int64
	for i, data := range entries {
		position := uint64(i + 1)
		e, err := engine.Decode(data)
		switch {
		case err != nil:
			return fmt.Errorf("entry %d: %w", position, err)
		case e.Position != position:
			return fmt.Errorf("entry %d says that it is %d", position, e.Position)
		case e.Previous != previous:
			return fmt.Errorf("entry %d does not follow on the one before", position)
		case e.Time < last:
			return fmt.Errorf("entry %d is older than the one before", position)
		}
		previous, last = sha256.Sum256(data), e.Time
		switch e.Kind {
		case engine.Commit:
			err = c.commit(e)
		case engine.Refuse:
			err = c.refuse(e)
		}
		if err != nil {
			return err
		}
		for _, o := range c.readers[position] {
			if position < o.Since {
				return fmt.Errorf("%s read at %d, though it began after %d was known", o.name(), position, o.Since)
			}
			if err := c.reads(o, position); err != nil {
				return err
			}
			c.told[o] = true
		}
	}
	return nil
}

func (c *checker) refuse(e *engine.Entry) error {
	a := author{e.Client, e.Sequence}
	if at := c.commits[a]; at > 0 {
		return fmt.Errorf("entry %d refuses what entry %d committed", e.Position, at)
	}
	c.refusals[a] = e.Position
	return nil
}

func (c *checker) commit(e *engine.Entry) error {
	a := author{e.Client, e.Sequence}
	if at := c.commits[a]; at > 0 {
		return fmt.Errorf("entries %d and %d commit the same sequence %d", at, e.Position, e.Sequence)
	}
	if at := c.refusals[a]; at > 0 {
		return fmt.Errorf("entry %d commits what entry %d refused", e.Position, at)
	}
	c.commits[a] = e.Position
	for _, o := range []*Outcome{c.byAuthor[a], c.tagged(e)} {
		if o == nil {
			continue
		}
		if err := c.outcome(o, e); err != nil {
			return err
		}
	}
	if tag := tagOf(e); tag != "" {
		if at := c.tags[tag]; at > 0 {
			return fmt.Errorf("entries %d and %d commit the same transaction %q", at, e.Position, tag)
		}
		c.tags[tag] = e.Position
	}
	for i := range e.Parts {
		p := &e.Parts[i]
		o := c.object(p.Object)
		if p.Version != o.version+1 {
			return fmt.Errorf("entry %d makes version %d of %q behind %d", e.Position, p.Version, p.Object, o.version)
		}
		o.version++
		for j := range p.Writes {
			if err := o.root.write(&p.Writes[j]); err != nil {
				return fmt.Errorf("entry %d, write %d of %q: %w", e.Position, j, p.Object, err)
			}
		}
		if err := c.look(p.Object); err != nil {
			return err
		}
	}
	return nil
}

// outcome compares a commit with what its client was told; the objects are as they were before it.
func (c *checker) outcome(o *Outcome, e *engine.Entry) error {
	switch {
	case o.Result == Refused:
		return fmt.Errorf("%s was told to be refused, but entry %d commits it", o.name(), e.Position)
	case o.Result == Committed && o.Position != 0 && o.Position != e.Position:
		return fmt.Errorf("%s was told to be committed at %d, but stands at %d", o.name(), o.Position, e.Position)
	case e.Position <= o.Since:
		return fmt.Errorf("%s stands at %d, though it began after %d was known", o.name(), e.Position, o.Since)
	}
	if o.Result == Committed && o.Version != 0 {
		if have := c.object(o.Object).version + 1; have != o.Version {
			return fmt.Errorf("%s was told to have made version %d of %q, but made %d", o.name(), o.Version, o.Object, have)
		}
	}
	c.told[o] = true
	return c.reads(o, e.Position)
}

// reads compares what a transaction read with what is there.
func (c *checker) reads(o *Outcome, position uint64) error {
	for _, r := range o.Reads {
		node := c.object(r.Object).root.find(r.Path)
		have := node.value()
		switch {
		case r.Keys:
			if have := node.names(); !slices.Equal(have, r.Names) {
				return fmt.Errorf("%s at %d read the keys %q at %q of %q, where there were %q", o.name(), position, r.Names, r.Path, r.Object, have)
			}
		case r.Guard != nil:
			if !r.Guard(have) {
				return fmt.Errorf("%s at %d had a guard at %q of %q that did not hold: there was %x", o.name(), position, r.Path, r.Object, have)
			}
		case !bytes.Equal(have, r.Value):
			return fmt.Errorf("%s at %d read %x at %q of %q, where there was %x", o.name(), position, r.Value, r.Path, r.Object, have)
		}
	}
	return nil
}

// look compares what was seen of the object's present version.
func (c *checker) look(name string) error {
	o := c.object(name)
	for _, s := range c.seen[name][o.version] {
		if have := o.root.find(s.Path).value(); !bytes.Equal(have, s.Value) {
			return fmt.Errorf("somebody saw version %d of %q as %x; it was %x", o.version, name, s.Value, have)
		}
	}
	delete(c.seen[name], o.version)
	return nil
}

func (c *checker) object(name string) *object {
	if c.objects[name] == nil {
		c.objects[name] = &object{root: &node{kids: map[string]*node{}}}
	}
	return c.objects[name]
}

func (c *checker) tagged(e *engine.Entry) *Outcome { return c.byTag[tagOf(e)] }

func tagOf(e *engine.Entry) string {
	if e.Metadata == nil {
		return ""
	}
	var metadata map[string]any
	if codec.Unmarshal(e.Metadata, &metadata) != nil {
		return ""
	}
	tag, _ := metadata[Tag].(string)
	return tag
}
