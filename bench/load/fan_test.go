package load

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeBus delivers at once, but for what spoil makes of it.
type fakeBus struct {
	mu          sync.Mutex
	subscribers map[int][]Deliver
	// spoil returns what the i-th subscriber of a topic gets in place of a message.
	spoil func(i int, message []byte) [][]byte
}

func (b *fakeBus) Subscribe(_ context.Context, topics []int, deliver Deliver) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range topics {
		b.subscribers[t] = append(b.subscribers[t], deliver)
	}
	return nil
}

func (b *fakeBus) Publish(_ context.Context, topic int, message []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, deliver := range b.subscribers[topic] {
		for _, m := range b.spoil(i, message) {
			deliver(topic, m, nil)
		}
	}
	return nil
}

func (b *fakeBus) Close() {}

func whole(_ int, m []byte) [][]byte { return [][]byte{m} }

// real says whether a message is no probe.
func realOne(m []byte) bool { return strings.Trim(string(m[2*digits:3*digits]), "0") != "" }

func TestFan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeBus{subscribers: map[int][]Deliver{}, spoil: whole}
		f := NewFan(b, 3, 2, 128)
		if err := f.Subscribe(t.Context(), 6, func(i int) []int { return []int{i % 3} }); err != nil {
			t.Fatal(err)
		}
		var m Meter
		messages, err := f.Run(t.Context(), time.Time{}, &m)
		if err != nil || messages != 2 || m.Ops.Load() != 4 {
			t.Errorf("%d messages, %d deliveries, %v; want one message of each slot to 2 subscribers", messages, m.Ops.Load(), err)
		}
		m.Reset()
		messages, err = f.RunPaced(t.Context(), 50*time.Millisecond, time.Now().Add(time.Second-time.Millisecond), &m)
		if err != nil || messages != 20 || m.Ops.Load() != 40 {
			t.Errorf("%d messages in a second, %d deliveries, %v", messages, m.Ops.Load(), err)
		}
	})
}

// TestFanFinds: what is lost, doubled, swapped or changed on the way is found.
func TestFanFinds(t *testing.T) {
	for _, c := range []struct {
		name  string
		want  string
		spoil func(i int, m []byte) [][]byte
	}{
		{"lost", "has not reached 1 of 3", func(i int, m []byte) [][]byte {
			if i == 1 && realOne(m) {
				return nil
			}
			return [][]byte{m}
		}},
		{"doubled", "where 2 was due", func(i int, m []byte) [][]byte {
			if i == 1 && realOne(m) {
				return [][]byte{m, m}
			}
			return [][]byte{m}
		}},
		{"changed", "was not published", func(_ int, m []byte) [][]byte {
			if realOne(m) {
				m[len(m)-1] = 'x'
			}
			return [][]byte{m}
		}},
		{"cut", "was not published", func(_ int, m []byte) [][]byte {
			if realOne(m) {
				m = m[:100]
			}
			return [][]byte{m}
		}},
		{"deaf", "hear nothing", func(i int, m []byte) [][]byte {
			if i == 2 {
				return nil
			}
			return [][]byte{m}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFan(&fakeBus{subscribers: map[int][]Deliver{}, spoil: c.spoil}, 1, 1, 128)
				err := f.Subscribe(t.Context(), 3, func(int) []int { return []int{0} })
				if err == nil {
					_, err = f.Run(t.Context(), time.Now().Add(time.Second), &Meter{})
				}
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
			})
		})
	}
}
