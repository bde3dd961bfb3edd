package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// maxLines is how long a file may be.
const maxLines = 600

// explained reports whether a package is one whose exported names users meet.
func explained(f source) bool {
	return !f.test && room(f.dir) != "examples" && f.syntax.Name.Name != "main" && !strings.Contains("/"+f.dir+"/", "/internal/")
}

// faultsOfComments lists exported names without a doc comment: functions,
// methods, types, values, methods of interfaces, and the fields of options.
func faultsOfComments(files []source) []string {
	var faults []string
	for _, f := range files {
		if !explained(f) {
			continue
		}
		fault := func(n ast.Node, name string) {
			at := f.fset.Position(n.Pos())
			faults = append(faults, fmt.Sprintf("%s:%d: %s has no doc comment", f.name, at.Line, name))
		}
		for _, decl := range f.syntax.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if name, ok := exportedFunc(d); ok && d.Doc == nil {
					fault(d, name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					checkSpec(f, d, spec, fault)
				}
			}
		}
	}
	return faults
}

// exportedFunc is the name of a function, or of a method of an exported type.
func exportedFunc(d *ast.FuncDecl) (name string, ok bool) {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name, d.Name.IsExported()
	}
	on := d.Recv.List[0].Type
	for {
		switch t := on.(type) {
		case *ast.StarExpr:
			on = t.X
		case *ast.IndexExpr:
			on = t.X
		case *ast.IndexListExpr:
			on = t.X
		case *ast.Ident:
			return t.Name + "." + d.Name.Name, t.IsExported() && d.Name.IsExported()
		default:
			return "", false
		}
	}
}

// checkSpec reports the undocumented names of one type, constant or variable. A
// comment on the group or behind the line counts for values, not for types of a group.
func checkSpec(f source, d *ast.GenDecl, spec ast.Spec, fault func(ast.Node, string)) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
				fault(name, name.Name)
			}
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return
		}
		if s.Doc == nil && (d.Doc == nil || d.Lparen != token.NoPos) {
			fault(s, s.Name.Name)
		}
		switch t := s.Type.(type) {
		case *ast.InterfaceType:
			if !testOnly(f.dir) { // there they are what testing.T has
				checkFields(s.Name.Name, t.Methods, fault)
			}
		case *ast.StructType:
			if strings.HasSuffix(s.Name.Name, "Options") {
				checkFields(s.Name.Name, t.Fields, fault)
			}
		}
	}
}

func checkFields(of string, list *ast.FieldList, fault func(ast.Node, string)) {
	for _, field := range list.List {
		for _, name := range field.Names { // none: embedded, explained where it is declared
			if name.IsExported() && field.Doc == nil && field.Comment == nil {
				fault(name, of+"."+name.Name)
			}
		}
	}
}

// faultsOfPackages lists packages of which no file has a package comment.
func faultsOfPackages(files []source) []string {
	has := map[string]bool{}
	for _, f := range files {
		if !f.test {
			has[f.dir] = has[f.dir] || f.syntax.Doc != nil
		}
	}
	var faults []string
	for _, dir := range slices.Sorted(maps.Keys(has)) {
		if !has[dir] {
			faults = append(faults, dir+": no file has a package comment")
		}
	}
	return faults
}

// faultsOfLength lists files that grew too long to be read at a sitting.
func faultsOfLength(files []source) []string {
	var faults []string
	for _, f := range files {
		if f.lines > maxLines && f.written {
			faults = append(faults, fmt.Sprintf("%s: %d lines, at most %d: split it by noun or verb", f.name, f.lines, maxLines))
		}
	}
	return faults
}

func TestExportedNamesHaveComments(t *testing.T) { report(t, faultsOfComments(loadRoot(t))) }
func TestPackagesHaveComments(t *testing.T)      { report(t, faultsOfPackages(loadRoot(t))) }
func TestFilesAreShort(t *testing.T)             { report(t, faultsOfLength(loadRoot(t))) }

func TestCommentsBreak(t *testing.T) {
	for _, c := range []struct{ text, fault string }{
		{"// F does.\nfunc F() {}", ""},
		{"func F() {}", "F has"},
		{"func f() {}", ""},
		{"type t int\nfunc (t) M() {}", ""},
		{"// T is.\ntype T[A, B any] struct{}\nfunc (*T[A, B]) M() {}", "T.M has"},
		{"// T is.\ntype T[A any] struct{}\nfunc (T[A]) M() {}", "T.M has"},
		{"type T int", "T has"},
		{"type (\n\t// T is.\n\tT int\n)", ""},
		{"// Types.\ntype (\n\tT int\n)", "T has"},
		{"const C = 1", "C has"},
		{"// The codes.\nconst (\n\tC = 1\n)", ""},
		{"const (\n\tC = 1 // explained\n)", ""},
		{"var V, w int", "V has"},
		{"// I is.\ntype I interface {\n\tM()\n}", "I.M has"},
		{"// I is.\ntype I interface {\n\t// M does.\n\tM()\n\terror\n}", ""},
		{"// POptions are.\ntype POptions struct {\n\tA int\n}", "POptions.A has"},
		{"// POptions are.\ntype POptions struct {\n\tA int // default 3\n\tb int\n}", ""},
	} {
		tree := fstest.MapFS{"rpc/a.go": {Data: []byte("package rpc\n\n" + c.text + "\n")}}
		faults := faultsOfComments(load(t, tree))
		if c.fault == "" && len(faults) > 0 || c.fault != "" && (len(faults) != 1 || !strings.Contains(faults[0], ": "+c.fault)) {
			t.Errorf("got %q, want %q, for\n%s", faults, c.fault, c.text)
		}
	}
	kit := fstest.MapFS{"rpc/kittest/a.go": {Data: []byte("package kittest\n// T is.\ntype T interface{ Helper() }\nfunc F() {}\n")}}
	if got := faultsOfComments(load(t, kit)); len(got) != 1 || !strings.Contains(got[0], ": F has") {
		t.Errorf("got %q, want F alone", got)
	}
	elsewhere := fstest.MapFS{}
	for _, name := range []string{"internal/x/a.go", "dstm/internal/tree/a.go", "examples/hello/a.go", "rpc/a_test.go"} {
		elsewhere[name] = &fstest.MapFile{Data: []byte("package p\nfunc F() {}\n")}
	}
	report(t, faultsOfComments(load(t, elsewhere)))
}

func TestPackagesAndLengthBreak(t *testing.T) {
	long := strings.Repeat("\n", maxLines)
	tree := fstest.MapFS{
		"rpc/a.go":    {Data: []byte("// Package rpc is.\npackage rpc\n")},
		"rpc/b.go":    {Data: []byte("package rpc\n" + long)},
		"pubsub/a.go": {Data: []byte("package pubsub\n")},
		"dstm/doc.go": {Data: []byte("// Code generated by x. DO NOT EDIT.\n\n// Package dstm is.\npackage dstm\n" + long)},
	}
	files := load(t, tree)
	if got := faultsOfPackages(files); len(got) != 1 || !strings.HasPrefix(got[0], "pubsub:") {
		t.Errorf("got %q, want pubsub alone", got)
	}
	if got := faultsOfLength(files); len(got) != 1 || !strings.HasPrefix(got[0], "rpc/b.go:") {
		t.Errorf("got %q, want rpc/b.go alone", got)
	}
}
