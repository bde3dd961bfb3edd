package simtest

import "testing"

func TestZZDiff(t *testing.T) {
	for n := 0; n < 40; n++ {
		a, b := Run(*first, true), Run(*first, true)
		for i := range a.Lines {
			if i >= len(b.Lines) || a.Lines[i] != b.Lines[i] {
				for j := max(0, i-12); j < min(i+4, len(a.Lines)); j++ {
					t.Log("A", a.Lines[j])
				}
				for j := max(0, i-1); j < min(i+4, len(b.Lines)); j++ {
					t.Log("B", b.Lines[j])
				}
				return
			}
		}
	}
}
