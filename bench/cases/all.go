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
	all = append(all, idles())
	all = append(all, durables()...)
	all = append(all, dstmFan(), codecs())
	return append(all, growths()...)
}

// Chosen are those experiments whose names begin with one of the given names; all if there is none. A name that fits nothing is an error.
func Chosen(names []string) ([]Experiment, error) {
	if len(names) == 0 {
		return All(), nil
	}
	var chosen []Experiment
	fits := map[string]bool{}
	for _, e := range All() {
		i := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(e.Name, name) })
		if i < 0 {
			continue
		}
		for _, name := range names {
			if strings.HasPrefix(e.Name, name) {
				fits[name] = true
			}
		}
		chosen = append(chosen, e)
	}
	for _, name := range names {
		if !fits[name] {
			return nil, fmt.Errorf("no case is called %q; -list lists them", name)
		}
	}
	return chosen, nil
}

// Settings are the peers and their settings, one a line.
func Settings() string {
	var b strings.Builder
	for _, p := range []peer{trefoil, trefoilDurable, rawEcho, rawCallers, batchEcho, rawTCP, prepared, framed, httpJSON, polling, grpcGo, connect,
		natsTCP, natsWS, socketIO, engineIO, redis, etcd, commitsInside, fdatasync} {
		fmt.Fprintf(&b, "- **%s**: %s\n", p.name, p.settings)
	}
	return b.String()
}
