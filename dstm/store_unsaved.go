package dstm

import (
	"maps"
	"time"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

// storeUnsaved is what the next checkpoint has to save. Guarded by Store.mu.
type storeUnsaved struct {
	entries, bytes int // since the last one began
	objects        map[string]struct{}
	clients        map[engine.ID]struct{}
	saving         map[string]struct{} // objects that the running one saves

	marks []engine.Mark // the checkpoints that the log reaches back to
	total uint64        // bytes of all entries that ever were
}

func newUnsaved(marks []engine.Mark) storeUnsaved {
	u := storeUnsaved{objects: map[string]struct{}{}, clients: map[engine.ID]struct{}{}, marks: marks}
	if len(marks) > 0 {
		u.total = marks[len(marks)-1].Bytes
	}
	return u
}

// has reports whether an object as it is in memory is not stored so.
func (u *storeUnsaved) has(name string) bool {
	_, changed := u.objects[name]
	_, saving := u.saving[name]
	return changed || saving
}

// add notes what an entry has changed.
func (u *storeUnsaved) add(e *engine.Entry) {
	u.entries++
	u.bytes += e.Size
	u.total += uint64(e.Size)
	for i := range e.Parts {
		if e.Parts[i].After != nil {
			u.objects[e.Parts[i].Object] = struct{}{}
		}
	}
	if e.Kind != engine.NewEpoch {
		u.clients[e.Client] = struct{}{}
	}
	for _, id := range e.Dropped {
		u.clients[id] = struct{}{}
	}
}

// due reports whether it is time for a checkpoint.
func (u *storeUnsaved) due(opts *StoreOptions) bool {
	return u.entries >= opts.CheckpointEntries || u.bytes >= opts.CheckpointBytes
}

// last is the position of the last checkpoint, 0 if there was none.
func (u *storeUnsaved) last() uint64 {
	if len(u.marks) == 0 {
		return 0
	}
	return u.marks[len(u.marks)-1].Position
}

// take hands what is to be saved to a checkpoint of the state.
func (u *storeUnsaved) take(state *engine.State) *storeCheckpoint {
	c := &storeCheckpoint{state: state, objects: u.objects, clients: u.clients, last: u.last(), head: state.Head()}
	c.head.Marks = append(u.marks[:len(u.marks):len(u.marks)], engine.Mark{Position: state.Position, Time: state.Time, Bytes: u.total})
	u.saving, u.objects, u.clients = u.objects, map[string]struct{}{}, map[engine.ID]struct{}{}
	u.entries, u.bytes = 0, 0
	return c
}

// giveBack takes back what a checkpoint could not save.
func (u *storeUnsaved) giveBack(c *storeCheckpoint) {
	maps.Copy(u.objects, c.objects)
	maps.Copy(u.clients, c.clients)
	u.saving = nil
}

// maxMarks is how many checkpoints the head names at most. Beyond it every second is left out, so that the log is
// truncated in larger steps.
const maxMarks = 512

// trimMarks takes from the marks of a head those that are not wanted any more and says up to where the log may be truncated:
// what is within keep bytes or younger than age stays.
func trimMarks(h *engine.Head, keep int, age time.Duration, now int64) {
	total := h.Marks[len(h.Marks)-1].Bytes
	first := 0
	for i, m := range h.Marks {
		if total-m.Bytes >= uint64(keep) && (age == 0 || now-m.Time >= int64(age)) {
			first, h.Reach = i, max(h.Reach, m.Position)
		}
	}
	h.Marks = h.Marks[first:]
	if len(h.Marks) <= maxMarks {
		return
	}
	thinned := make([]engine.Mark, 0, len(h.Marks))
	for i, m := range h.Marks {
		if i%2 == 0 || i == len(h.Marks)-1 {
			thinned = append(thinned, m)
		}
	}
	h.Marks = thinned
}
