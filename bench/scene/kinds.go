package scene

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// random is the same in every process.
func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// whiteboard is shapes as those of examples/whiteboard; each person moves a shape of theirs, the people taking turns.
func whiteboard(shapes, people, moves int) *Scene {
	r := random()
	s := &Scene{Object: "board/1", Root: "shapes", People: people, Doc: Doc{}}
	var ids []string
	for z := range shapes {
		id := identifier(r)
		ids = append(ids, id)
		s.Doc[id] = shape(r, z)
	}
	for i := range moves {
		by := i % people
		id := ids[by%len(ids)]
		s.Changes = append(s.Changes, Change{By: by, ID: id, Fields: Fields{"x": coordinate(r), "y": coordinate(r)}})
	}
	return s
}

func identifier(r *rand.Rand) string {
	b := make([]byte, 10)
	for i := range b {
		b[i] = byte(r.UintN(256))
	}
	return hex.EncodeToString(b)
}

// coordinate has two decimals: what nobody sees need not travel.
func coordinate(r *rand.Rand) float64 { return math.Round(r.Float64()*400_000) / 100 }

// shape is, of ten, four boxes, three notes, one text and two strokes of a pen.
func shape(r *rand.Rand, z int) Fields {
	f := Fields{"x": coordinate(r), "y": coordinate(r), "color": []string{"ink", "red", "green", "blue"}[r.IntN(4)], "width": 4, "z": z}
	switch n := z % 10; {
	case n < 4:
		f["kind"] = []string{"rect", "ellipse"}[n%2]
	case n < 7:
		f["kind"], f["text"] = "note", words(r, 20+r.IntN(60))
	case n < 8:
		f["kind"], f["text"] = "text", words(r, 10+r.IntN(30))
	default:
		f["kind"], f["points"] = "pen", letters(r, 4*(20+r.IntN(80))) // about three bytes a point, in base64
	}
	if z%10 < 7 {
		f["w"], f["h"] = coordinate(r), coordinate(r)
	}
	return f
}

// words is text of n bytes.
func words(r *rand.Rand, n int) string {
	some := []string{"milk", "the", "second", "release", "ask", "before", "Monday", "why", "not", "customers", "a", "list", "of", "risks"}
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(some[r.IntN(len(some))])
		b.WriteByte(' ')
	}
	return b.String()[:n]
}

func letters(r *rand.Rand, n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// auction is one lot, with fields as those of examples/auction; the watchers bid in turn.
func auction(watchers, bids int) *Scene {
	r := random()
	const lot = "lot-17"
	s := &Scene{Object: "auction/7", Root: "lots", People: watchers, Doc: Doc{lot: {
		"title": "Pocket watch, about 1890", "text": words(r, 400), "seller": "user-0017", "state": "open", "start": 10_000, "step": 500,
		"opened": 1_760_000_000_000, "ends": 1_760_000_600_000, Price: 10_000, "leader": "", Bids: 0,
	}}}
	price := 10_000
	for i := range bids {
		price += 500 * (1 + r.IntN(3))
		by := i * 7 % watchers
		s.Changes = append(s.Changes, Change{By: by, ID: lot, Fields: Fields{Price: price, "leader": fmt.Sprintf("user-%04d", by), Bids: i + 1}})
	}
	return s
}

// pageSize is what each of the items of an absence holds.
const pageSize = 20_000

// absence is a document of so many items of 20,000 bytes, and changes of 100 bytes each, each under a path of 20 bytes of its own; with one item, the document is small,
// and the changes are all of the same ten paths. The first person writes.
func absence(items, people, changes int) *Scene {
	r := random()
	s := &Scene{Object: "notes/1", Root: "pages", People: people, Doc: Doc{}}
	paths := changes
	size := pageSize
	if items == 1 {
		paths, size = 10, 10
	}
	for i := range items {
		s.Doc[fmt.Sprintf("a%012d", i)] = Fields{"tx": letters(r, size)}
	}
	for i := range changes {
		// 5 bytes of "pages", 13 of the id, 2 of the field.
		s.Changes = append(s.Changes, Change{ID: fmt.Sprintf("c%012d", i%paths), Fields: Fields{"tx": letters(r, 100)}})
	}
	return s
}
