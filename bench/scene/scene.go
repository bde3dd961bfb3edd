// Package scene is what people do together in the cases about bandwidth: a document, who changes what in it, in which order, and what is
// there at the end. A scene is made of its description alone, so that the process that serves it and the one that plays it have the same.
package scene

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
)

// Fields are the fields of one item, by name: strings and numbers, which JSON and msgpack both carry.
type Fields map[string]any

// Doc is a document: items by their id.
type Doc map[string]Fields

// Change is what one person does to one item: these fields get these values.
type Change struct {
	By     int    `json:"-"`
	ID     string `json:"id"`
	Fields Fields `json:"set"`
}

// Scene is a document and what happens to it.
type Scene struct {
	// Object and Root name, in dstm, the object and the key below which its items are.
	Object, Root string
	// People is how many take part; all see everything.
	People  int
	Doc     Doc
	Changes []Change
}

// Price is a field that may only rise: a bid that is not higher is refused.
const Price = "price"

// Bids is a field that counts the bids.
const Bids = "bids"

var errTooLow = errors.New("somebody bids more")

// Apply makes a change, and a new item if there is none of that id.
func (d Doc) Apply(c Change) error {
	item := d[c.ID]
	if price, ok := c.Fields[Price]; ok && number(price) <= number(item[Price]) {
		return errTooLow
	}
	if item == nil {
		item = Fields{}
		d[c.ID] = item
	}
	maps.Copy(item, c.Fields)
	return nil
}

func number(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case float64:
		return n
	}
	return 0
}

// Copy is a copy that can be changed.
func (d Doc) Copy() Doc {
	out := Doc{}
	for id, item := range d {
		out[id] = maps.Clone(item)
	}
	return out
}

// JSON is the document as text; that of equal documents is equal, whether a number is an integer or a float.
func (d Doc) JSON() ([]byte, error) { return json.Marshal(d) }

// End is the document after all changes.
func (s *Scene) End() (Doc, error) {
	d := s.Doc.Copy()
	for _, c := range s.Changes {
		if err := d.Apply(c); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Description says which scene it is, for Parse.
type Description struct {
	Kind                   string // whiteboard, auction or absence
	Items, People, Changes int
}

// String is what Parse reads.
func (d Description) String() string {
	return fmt.Sprintf("%s %d %d %d", d.Kind, d.Items, d.People, d.Changes)
}

// Parse makes the scene that a text describes: its kind, and how many items, people and changes there are.
func Parse(text string) (*Scene, error) {
	var d Description
	if _, err := fmt.Sscan(text, &d.Kind, &d.Items, &d.People, &d.Changes); err != nil {
		return nil, err
	}
	return d.Make()
}

// Make makes the scene.
func (d Description) Make() (*Scene, error) {
	if d.Items < 1 || d.People < 1 || d.Changes < 1 {
		return nil, fmt.Errorf("there is nothing in the scene %q", d)
	}
	switch d.Kind {
	case "whiteboard":
		return whiteboard(d.Items, d.People, d.Changes), nil
	case "auction":
		return auction(d.People, d.Changes), nil
	case "absence":
		return absence(d.Items, d.People, d.Changes), nil
	}
	return nil, fmt.Errorf("no scene is called %q", d.Kind)
}
