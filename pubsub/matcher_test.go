package pubsub

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestRecall: what is remembered is what would be found, whatever was added and removed meanwhile.
func TestRecall(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	filters := []string{"a.b", "a.*", "a.>", "a.c", "*.b", "b.b"}
	topics := []string{"a.b", "a.c", "b.b", "c.d"}
	var m matcher[int]
	var entries []*entry[int]
	for n := range 5000 {
		switch random.IntN(4) {
		case 0:
			entries = append(entries, m.add(filters[random.IntN(len(filters))], n))
		case 1:
			if len(entries) > 0 {
				i := random.IntN(len(entries))
				m.remove(entries[i])
				entries = slices.Delete(entries, i, i+1)
			}
		default:
			topic := topics[random.IntN(len(topics))]
			if got, want := m.recall(topic), m.collect(topic, nil); !slices.Equal(got, want) {
				t.Fatalf("%s: %v is remembered, %v is right", topic, got, want)
			}
			if got := m.text([]byte(topic)); got != topic {
				t.Fatalf("%s is called %s", topic, got)
			}
		}
	}
}
