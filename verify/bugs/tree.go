package bugs

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// copied are the suffixes of what is needed to build the program.
var copied = []string{".go", ".mod", ".sum", ".patch"}

// copyTree copies what the program is built from.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case entry.IsDir() && path != from && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata"):
			return fs.SkipDir
		case !entry.Type().IsRegular() || !slices.Contains(copied, filepath.Ext(name)) || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}

// apply patches a copy.
func apply(ctx context.Context, tree string, patch []byte, options ...string) error {
	cmd := exec.CommandContext(ctx, "git", append(append([]string{"apply"}, options...), "-")...)
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(tree)) // it is part of no repository
	cmd.Stdin = bytes.NewReader(patch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the patch does not apply: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}
