package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

// module is the root module's path.
const module = "github.com/trefoilgo/trefoil"

// source is one parsed Go file of the root module.
type source struct {
	name    string // slash-separated, from the root: "rpc/call.go"
	dir     string // "rpc", "." for the root
	test    bool   // *_test.go
	lines   int
	written bool // by hand, not generated
	imports []string
	syntax  *ast.File
	fset    *token.FileSet
}

// root is the checkout.
func root() fs.FS { return os.DirFS("../..") }

// skip reports directories that hold no package of the root module: hidden ones,
// test data, installed JavaScript, and nested modules.
func skip(tree fs.FS, dir string) bool {
	base := path.Base(dir)
	if dir == "." {
		return false
	}
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules" {
		return true
	}
	_, err := fs.Stat(tree, path.Join(dir, "go.mod"))
	return err == nil
}

// load parses every Go file of the root module in tree, whatever its build tags.
func load(t *testing.T, tree fs.FS) []source {
	t.Helper()
	var all []source
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skip(tree, name):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasPrefix(path.Base(name), "."):
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s := source{
			name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			lines: strings.Count(string(text), "\n"), written: !ast.IsGenerated(file), syntax: file, fset: fset,
		}
		for _, spec := range file.Imports {
			s.imports = append(s.imports, strings.Trim(spec.Path.Value, "`\""))
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// loadRoot is load for the checkout; it fails if it found so little that it looked in the wrong place.
func loadRoot(t *testing.T) []source {
	t.Helper()
	all := load(t, root())
	rooms := map[string]bool{}
	for _, s := range all {
		rooms[s.dir] = true
	}
	if !rooms["transport"] || !rooms["codec"] || !rooms["status"] {
		t.Fatalf("found %d files, but not those of transport, codec and status", len(all))
	}
	return all
}

// report fails t once for each fault.
func report(t *testing.T, faults []string) {
	t.Helper()
	for _, f := range faults {
		t.Error(f)
	}
}
