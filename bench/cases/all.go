package cases

import (
	"fmt"
	"slices"
	"strings"
)

// All are the experiments, in the order in which they run.
func All() []Experiment {
	all := echoes()
	all = append(all, fanouts()...)
	all = append(all, idles(), browsers())
	all = append(all, durables()...)
	all = append(all, dstmFan(), codecs())
	all = append(all, bandwidths()...)
	return append(all, growths()...)
}

// Chosen are the experiments of the given names; a name that none has stands for all that begin with it. Without names: all. A name that
// fits nothing is an error.
func Chosen(names []string) ([]Experiment, error) {
	if len(names) == 0 {
		return All(), nil
	}
	all := All()
	chosen := make([]bool, len(all))
	for _, name := range names {
		fits := func(e Experiment) bool { return strings.HasPrefix(e.Name, name) }
		if slices.ContainsFunc(all, func(e Experiment) bool { return e.Name == name }) {
			fits = func(e Experiment) bool { return e.Name == name }
		}
		if !slices.ContainsFunc(all, fits) {
			return nil, fmt.Errorf("no case is called %q; -list lists them", name)
		}
		for i, e := range all {
			chosen[i] = chosen[i] || fits(e)
		}
	}
	var out []Experiment
	for i, e := range all {
		if chosen[i] {
			out = append(out, e)
		}
	}
	return out, nil
}

// Settings are the peers and their settings, one a line.
func Settings() string {
	var b strings.Builder
	for _, p := range []peer{trefoil, trefoilDurable, rawEcho, rawCallers, batchEcho, rawTCP, prepared, framed, httpJSON, polling, grpcGo, connect,
		natsTCP, natsWS, socketIO, engineIO, redis, etcd, commitsInside, fdatasync, inBrowser} {
		fmt.Fprintf(&b, "- **%s**: %s\n", p.name, p.settings)
	}
	for _, s := range sharers {
		fmt.Fprintf(&b, "- **%s**: %s\n", s.name, s.settings)
	}
	return b.String()
}
