package main

import "testing"

// TestNames: -only can choose every check.
func TestNames(t *testing.T) {
	for i, c := range checks() {
		list, err := chosen(settings{only: c.name})
		if err != nil || len(list) != 1 || list[0].about != c.about {
			t.Errorf("check %d, %q: %v chooses another one", i, c.name, err)
		}
	}
}
