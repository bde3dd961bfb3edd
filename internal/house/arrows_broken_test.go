package house

import (
	"strings"
	"testing"
	"testing/fstest"
)

// treeOf makes a tree of one file that imports paths; one that begins with
// "./" is of ours.
func treeOf(name string, imports ...string) fstest.MapFS {
	var b strings.Builder
	b.WriteString("package p\n")
	for _, imported := range imports {
		if rest, ok := strings.CutPrefix(imported, "./"); ok {
			imported = strings.TrimSuffix(module+"/"+rest, "/")
		}
		b.WriteString("import _ \"" + imported + "\"\n")
	}
	return fstest.MapFS{name: {Data: []byte(b.String())}}
}

// TestArrowsBreak gives the checker files that each break one arrow, and their
// nearest neighbours that do not.
func TestArrowsBreak(t *testing.T) {
	for _, c := range []struct {
		file, imported string
		fault          string // "" if allowed
	}{
		{"rpc/a.go", "./transport", ""},
		{"rpc/a.go", "./internal/ring", ""},
		{"rpc/a.go", "./rpc/internal/table", ""},
		{"rpc/a.go", "context", ""},
		{"rpc/a.go", "./pubsub", "no arrow from rpc to pubsub"},
		{"rpc/a.go", "./dstm", "no arrow from rpc to dstm"},
		{"rpc/inner/a.go", "./dstm/inner", "no arrow from rpc to dstm"},
		{"pubsub/a.go", "./rpc", "no arrow from pubsub to rpc"},
		{"dstm/a.go", "./pubsub", "no arrow from dstm to pubsub"},
		{"dstm/a_test.go", "./pubsub", "not even in a test"},
		{"dstm/a.go", "./backend/bolt", "no arrow from dstm to backend/bolt"},
		{"dstm/a.go", "./status", ""},
		{"transport/a.go", "./codec", ""},
		{"transport/a.go", "./rpc", "no arrow from transport to rpc"},
		{"transport/a_test.go", "./rpc", "not even in a test"},
		{"codec/a.go", "./status", "no arrow from codec to status"},
		{"codec/a.go", "./internal/ring", "no arrow from codec to internal"},
		{"codec/a_test.go", "./internal/leak", ""},
		{"codec/a_test.go", "./status", "not even in a test"},
		{"status/a.go", "./codec", "no arrow from status to codec"},
		{"status/a.go", "./internal/ring", "no arrow from status to internal"},
		{"backend/bolt/a.go", "./dstm", ""},
		{"backend/bolt/a.go", "./pubsub", ""},
		{"backend/bolt/a.go", "./rpc", "no arrow from backend/bolt to rpc"},
		{"backend/bolt/a.go", "./transport", ""},
		{"backend/bolt/a.go", "./internal/readme", "nothing imports a program"},
		{"backend/bolt/a_test.go", "./transport", ""},
		{"backend/bolt/a_test.go", "./dstm/logtest", ""},
		{"backend/other/a.go", "./dstm", "not in the table"},
		{"internal/ring/a.go", "./codec", ""},
		{"internal/ring/a.go", "./transport", "no arrow from internal to transport"},
		{"internal/ring/a_test.go", "./transport", ""},
		{"internal/ring/a_test.go", "./examples/hello", "nothing imports a program"},
		{"internal/witnesstest/a.go", "./dstm", ""},
		{"internal/readme/a.go", "./dstm", ""},
		{"rpc/a.go", "./internal/readme", "nothing imports a program"},
		{"examples/hello/a.go", "./dstm", ""},
		{"examples/hello/a.go", "./backend/bolt", ""},
		{"rpc/a.go", "./examples/hello", "nothing imports a program"},
		{"a.go", "./rpc", "the root has no package"},
		{"a_test.go", "fmt", "the root has no package"},
		{"rpc/a.go", "./", "the root has no package"},
		{"widgets/a.go", "fmt", "not in the table"},

		{"dstm/a.go", "./dstm/logtest", "only tests may import a test kit"},
		{"transport/a.go", "./internal/leak", "only tests may import a test kit"},
		{"dstm/a_test.go", "./dstm/logtest", ""},
		{"dstm/logtest/a.go", "./dstm", ""},
		{"dstm/logtest/a.go", "./transport/clustertest", ""},
		{"dstm/logtest/a.go", "./pubsub", "not even in a test"},
		{"dstm/logtest/a.go", "testing", ""},
		{"dstm/a.go", "testing", "only tests and the kits"},
		{"dstm/a.go", "testing/synctest", "only tests and the kits"},
		{"dstm/a.go", "net/http/httptest", "only tests and the kits"},
		{"dstm/a_test.go", "testing/synctest", ""},

		{"transport/a.go", "github.com/gorilla/websocket", ""},
		{"examples/hello/a.go", "github.com/gorilla/websocket", ""},
		{"rpc/a.go", "github.com/gorilla/websocket", "only transport and examples may"},
		{"rpc/a_test.go", "github.com/gorilla/websocket", ""},
		{"codec/a.go", "github.com/vmihailenco/msgpack/v5/msgpcode", ""},
		{"codec/a.go", "github.com/vmihailenco/msgpack", "not one of the root module's three"},
		{"codec/a.go", "github.com/vmihailenco/msgpack/v5x", "not one of the root module's three"},
		{"transport/a.go", "github.com/vmihailenco/msgpack/v5", "only codec may"},
		{"backend/bolt/a.go", "go.etcd.io/bbolt", ""},
		{"dstm/a.go", "go.etcd.io/bbolt", "only backend/bolt may"},
		{"dstm/logtest/a.go", "go.etcd.io/bbolt", "only backend/bolt may"},
		{"dstm/a_test.go", "github.com/stretchr/testify/require", "not one of the root module's three"},
		{"status/a.go", "golang.org/x/sync/errgroup", "not one of the root module's three"},
		{"codec/a.go", "C", "without a C compiler"},
	} {
		faults := faultsOfArrows(load(t, treeOf(c.file, c.imported)))
		switch {
		case c.fault == "" && len(faults) > 0:
			t.Errorf("%s importing %s: got %q, want it allowed", c.file, c.imported, faults)
		case c.fault != "" && (len(faults) != 1 || !strings.Contains(faults[0], c.fault)):
			t.Errorf("%s importing %s: got %q, want one fault with %q", c.file, c.imported, faults, c.fault)
		}
	}
}

// TestLoadSkips: nested modules, hidden folders and test data are not the root module's.
func TestLoadSkips(t *testing.T) {
	tree := fstest.MapFS{}
	for _, name := range []string{"cmd/x/a.go", ".ci/a.go", "_old/a.go", "rpc/testdata/a.go", "js/node_modules/a.go"} {
		tree[name] = &fstest.MapFile{Data: []byte("package p\nimport _ \"example.org/none\"\n")}
	}
	tree["cmd/x/go.mod"] = &fstest.MapFile{Data: []byte("module x\n")}
	tree["rpc/tagged.go"] = &fstest.MapFile{Data: []byte("//go:build windows\n\npackage rpc\nimport _ \"fmt\"\n")}
	files := load(t, tree)
	if len(files) != 1 || files[0].name != "rpc/tagged.go" {
		t.Errorf("loaded %d files, want rpc/tagged.go alone", len(files))
	}
}

func TestGoModBreaks(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"module x\n\ngo 1.25.0\n\nrequire go.etcd.io/bbolt v1.5.0\n", 0},
		{"require (\n\tgithub.com/gorilla/websocket v1.5.3\n\tgolang.org/x/sys v0.45.0 // indirect\n)\n", 0},
		{"require golang.org/x/sync v0.1.0\n", 1},
		{"require (\n\tgithub.com/stretchr/testify v1.0.0\n\t// a remark\n)\nreplace (\n\ta.test/a => ../a\n)\n", 1},
	} {
		if got := faultsOfGoMod(c.text); len(got) != c.want {
			t.Errorf("got %q, want %d faults in\n%s", got, c.want, c.text)
		}
	}
}
