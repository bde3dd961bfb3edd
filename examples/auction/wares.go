package main

import (
	"fmt"
	"math/rand/v2"
)

// What robots are called and sell.
var (
	robotNames = []string{
		"Ada", "Bruno", "Clara", "Dario", "Edda", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Kaja", "Leon", "Mira", "Nils", "Olga", "Pavel",
		"Rosa", "Sven", "Tilda", "Umberto", "Vera", "Wim", "Xenia", "Yannis", "Zora",
	}
	materials = []string{"oak", "brass", "walnut", "porcelain", "silver", "cast iron", "glass", "linen", "marble", "cherry wood", "copper", "bone china"}
	things    = []ware{
		{"clock", 9000}, {"writing desk", 24000}, {"teapot", 3500}, {"candlestick", 2800}, {"vase", 6000}, {"barometer", 7500}, {"music box", 8200},
		{"mirror", 5200}, {"field microscope", 12500}, {"globe", 11000}, {"chess set", 6400}, {"camera", 9800}, {"sea chart", 4300}, {"rocking chair", 7100},
		{"bread bin", 1900}, {"telescope", 15500}, {"table lamp", 4700}, {"sewing box", 2600}, {"violin", 31000}, {"print of a harbour", 3900},
	}
	years  = []string{"around 1880", "around 1900", "of the twenties", "of the thirties", "around 1950", "of the sixties"}
	states = []string{
		"Restored with care; the marks of use are left as they are.", "From one household, with the bill of sale.", "Small chip at the back, not seen from the front.",
		"Works as on the first day.", "Unsigned. Attributed to a workshop of the region.", "Found in an attic, cleaned, otherwise untouched.",
	}
)

// ware is something that robots sell, and what it is worth, about.
type ware struct {
	name  string
	worth Cents
}

// newWare makes up a lot. It starts well below its worth.
func newWare(chance *rand.Rand, seconds int64) NewLot {
	any := func(list []string) string { return list[chance.IntN(len(list))] }
	w := things[chance.IntN(len(things))]
	material := any(materials)
	start := max(500, Cents(float64(w.worth)*(0.25+0.3*chance.Float64()))/500*500)
	return NewLot{
		Title: fmt.Sprintf("%s%s %s, %s", string(material[0]-'a'+'A'), material[1:], w.name, any(years)),
		Text:  any(states), Start: start, Seconds: seconds,
	}
}
