package cases

import (
	"encoding/json"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/bench/load"
	"github.com/trefoilgo/trefoil/bench/machine"
	"github.com/trefoilgo/trefoil/bench/scene"
)

func TestDue(t *testing.T) {
	for _, c := range []struct {
		every, interval time.Duration
		operations      int
		want            []int // polls behind the first operations
		sum             int
	}{
		{500 * time.Millisecond, 0, 200, []int{0, 0, 0}, 0},
		{500 * time.Millisecond, time.Second, 200, []int{0, 1, 0, 1}, 100},
		{500 * time.Millisecond, 5 * time.Second, 200, []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0}, 20},
		{2 * time.Second, 5 * time.Second, 100, []int{0, 0, 1, 0, 1, 0, 0, 1}, 40},
		{10 * time.Second, time.Second, 20, []int{10, 10}, 200},
		{30 * time.Second, 5 * time.Second, 20, []int{6, 6}, 120},
	} {
		sum := 0
		for i := range c.operations {
			n := due(i, c.every, c.interval)
			sum += n
			if i < len(c.want) && n != c.want[i] {
				t.Errorf("every %v, polled every %v: %d polls behind operation %d, want %d", c.every, c.interval, n, i, c.want[i])
			}
		}
		if sum != c.sum {
			t.Errorf("every %v, polled every %v: %d polls in all, want %d", c.every, c.interval, sum, c.sum)
		}
	}
}

func TestCarried(t *testing.T) {
	s := carried(machine.Traffic{Down: 6000, Up: 600}, 180, 3, 20)
	if s.bytes != 330 || s.down != 100 || s.up != 10 || s.messages != 3 || !math.IsNaN(s.join) || !math.IsNaN(s.ops) {
		t.Errorf("%+v", s)
	}
}

func TestFresh(t *testing.T) {
	one, two := machine.Traffic{Down: 1}, machine.Traffic{Down: 2}
	before := map[int]machine.Traffic{1: one}
	after := map[int]machine.Traffic{1: one, 2: one}
	later := map[int]machine.Traffic{1: two, 2: two, 3: two}
	if got := fresh(after, before, later); len(got) != 1 || got[2] != two {
		t.Errorf("%v", got)
	}
	if got := fresh(later, after, later); len(got) != 1 || got[3] != two {
		t.Errorf("%v", got)
	}
}

func TestSame(t *testing.T) {
	two := map[int]machine.Traffic{1: {}, 2: {}}
	for _, c := range []struct {
		now  map[int]machine.Traffic
		want error
	}{
		{map[int]machine.Traffic{1: {Down: 1}, 2: {}}, nil},
		{map[int]machine.Traffic{1: {}, 3: {}}, errReplaced},
		{map[int]machine.Traffic{1: {}}, errReplaced},
		{map[int]machine.Traffic{1: {}, 2: {}, 3: {}}, errReplaced},
	} {
		if err := same(two, c.now); err != c.want {
			t.Errorf("%v: %v", c.now, err)
		}
	}
}

// forged are clients of which one has something else.
type forged struct {
	load.Shared
	docs []scene.Doc
}

func (f forged) Doc(i int) (scene.Doc, error) { return f.docs[i], nil }

func TestCheck(t *testing.T) {
	play, err := scene.Description{Kind: "whiteboard", Items: 12, People: 3, Changes: 7}.Make()
	if err != nil {
		t.Fatal(err)
	}
	end, err := play.End()
	if err != nil {
		t.Fatal(err)
	}
	if err := check(forged{docs: []scene.Doc{end, end, end}}, play); err != nil {
		t.Error(err)
	}
	if err := check(forged{docs: []scene.Doc{end, end, play.Doc}}, play); err == nil || !strings.Contains(err.Error(), "client 2") {
		t.Errorf("a client that has missed the changes: %v", err)
	}
}

// TestBandwidth: every way to share brings every change to everybody, in small.
func TestBandwidth(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what connections have carried")
	}
	for _, b := range []bandwidth{
		{"board", "", scene.Description{Kind: "whiteboard", Items: 20, People: 3, Changes: 10}, 500 * time.Millisecond, ""},
		{"lot", "", scene.Description{Kind: "auction", Items: 1, People: 4, Changes: 5}, 2 * time.Second, "changed item"},
	} {
		rows, err := b.run(t.Context(), testEnv(t))
		if err != nil {
			t.Error(err)
		}
		want := len(sharers)
		if b.without != "" {
			want--
		}
		if len(rows) != want {
			t.Errorf("%d rows, want %d", len(rows), want)
		}
		for _, r := range rows {
			if r.Peer == b.without || !(r.Down > 0 && r.Up > 0 && r.Messages > 0 && r.Join > 0 && r.Ratio > 0) {
				t.Errorf("%+v", r)
			}
		}
	}
}

// TestBandwidthBytes: what the changed fields take is known to the byte: the text in a frame with a header of 2 bytes, and 4 more of mask
// from the client (RFC 6455, section 5.2).
func TestBandwidthBytes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what connections have carried")
	}
	b := bandwidth{name: "exact", scene: scene.Description{Kind: "whiteboard", Items: 20, People: 2, Changes: 6}, every: time.Second}
	play, err := b.scene.Make()
	if err != nil {
		t.Fatal(err)
	}
	text := 0
	for _, c := range play.Changes {
		one, err := json.Marshal(c)
		if err != nil || len(one) > 125 {
			t.Fatalf("%d bytes, %v", len(one), err)
		}
		text += len(one)
	}
	for _, s := range sharers {
		if s.name != "changed fields" {
			continue
		}
		got, err := b.measure(t.Context(), testEnv(t), s)
		if err != nil {
			t.Fatal(err)
		}
		n := len(play.Changes)
		if want := float64(text+2*n) / float64(n); math.Abs(got.down-want) > 1e-9 {
			t.Errorf("%v bytes down, want %v", got.down, want)
		}
		if want := float64(text+6*n) / float64(2*n); math.Abs(got.up-want) > 1e-9 {
			t.Errorf("%v bytes up, want %v", got.up, want)
		}
		if got.messages != 1.5 {
			t.Errorf("%v messages, want one to each and one from every other", got.messages)
		}
		return
	}
	t.Error("nobody sends the changed fields")
}

// TestReturn: who comes back gets the changes where they are less than the whole, in no more than 1.2 times their bytes, and the whole where that is less.
func TestReturn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what connections have carried")
	}
	for _, c := range []struct {
		items, changes int
		least, most    float64 // of a change's bytes, to come back
	}{{5, 200, 0.5, returnGoal}, {1, 200, 0, 0.2}} {
		b := back{"return", "", scene.Description{Kind: "absence", Items: c.items, People: returnPeople, Changes: c.changes}}
		rows, err := b.run(t.Context(), testEnv(t))
		if err != nil || len(rows) != 6 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for i := 0; i < 4; i += 2 {
			returned, live := rows[i], rows[i+1]
			if ratio := float64(returned.BytesPerOp / live.BytesPerOp); !(ratio >= c.least && ratio <= c.most) || live.Met == nil || !*live.Met {
				t.Errorf("%s: %.1f bytes to come back, %.1f live: %+v", returned.Case, float64(returned.BytesPerOp), float64(live.BytesPerOp), live)
			}
		}
		if rows[5].Met != nil {
			t.Errorf("a goal for others: %+v", rows[5])
		}
	}
}
