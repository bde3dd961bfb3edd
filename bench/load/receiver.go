package load

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// receiver is one subscription.
type receiver struct {
	fan    *Fan
	topic  int
	probed bool
	next   []uint64 // by slot, the last sequence number that has come
}

var filling = bytes.Repeat([]byte{'.'}, 1<<16)

// take checks a message, and counts it.
func (r *receiver) take(m []byte) error {
	f := r.fan
	if len(m) != f.size || !bytes.Equal(m[headLength:], filling[:len(m)-headLength]) {
		return fmt.Errorf("message %.100q (%d bytes) was not published", m, len(m))
	}
	var head [4]uint64
	for i := range head {
		n, err := strconv.ParseUint(string(m[i*digits:(i+1)*digits]), 16, 64)
		if err != nil {
			return err
		}
		head[i] = n
	}
	topic, slot, sequence, at := head[0], head[1], head[2], head[3]
	if topic != uint64(r.topic) || slot >= uint64(f.window) {
		return fmt.Errorf("a message of topic %d, slot %d came on topic %d", topic, slot, r.topic)
	}
	if sequence == 0 {
		if !r.probed {
			r.probed = true
			f.topics[r.topic].probed.Add(1)
		}
		return nil
	}
	if want := r.next[slot] + 1; sequence != want {
		return fmt.Errorf("message %d of topic %d, slot %d came where %d was due", sequence, topic, slot, want)
	}
	r.next[slot] = sequence
	m0 := f.meter.Load()
	m0.Ops.Add(1)
	m0.Took.Add(time.Since(f.origin) - time.Duration(at))
	if f.slots[slot].remaining.Add(-1) == 0 {
		f.slots[slot].done <- struct{}{}
	}
	return nil
}
