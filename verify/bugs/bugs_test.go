package bugs

import (
	"os/exec"
	"testing"
)

// TestPatchesApply: a patch that no longer applies is a bug that nobody looks for.
func TestPatchesApply(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	tree := t.TempDir()
	if err := copyTree("../..", tree); err != nil {
		t.Fatal(err)
	}
	names := Names()
	for _, name := range names {
		text, err := patches.ReadFile(name + ".patch")
		if err == nil {
			err = apply(t.Context(), tree, text, "--check")
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(names) < 30 {
		t.Errorf("there are only %d patches", len(names))
	}
	if err := apply(t.Context(), tree, []byte("--- a/go.mod\n+++ b/go.mod\n@@ -1 +1 @@\n-not what is there\n+x\n"), "--check"); err == nil {
		t.Error("a patch of what is not there applies")
	}
}
