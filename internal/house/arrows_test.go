package house

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// arrows says which rooms the code of a room may import besides itself. A room that
// is not named here may not exist. Test files and test kits: see mayImport.
var arrows = map[string][]string{
	"status":       {},
	"codec":        {},
	"transport":    {"codec", "status", "internal"},
	"rpc":          {"transport", "codec", "status", "internal"},
	"pubsub":       {"transport", "codec", "status", "internal"},
	"dstm":         {"transport", "codec", "status", "internal"},
	"backend/bolt": {"pubsub", "dstm", "transport", "codec", "status", "internal"}, // the packages whose interfaces it implements
	"internal":     {"codec", "status"},
	"js":           {}, // embeds the built browser client
	"examples":     {anyRoom},
}

const anyRoom = "*"

// foreign says which code may import a module that is not ours, by the prefix of its path.
var foreign = map[string][]string{
	"github.com/gorilla/websocket":      {"transport", "examples"},
	"github.com/vmihailenco/msgpack/v5": {"codec"},
	"go.etcd.io/bbolt":                  {"backend/bolt"},
}

// programs are packages that stand in the place of a user's program, wherever they lie.
var programs = []string{"internal/readme", "internal/guide", "internal/jsserver"}

// room names the room of a package of ours: its first folder, two for backends.
func room(dir string) string {
	if slices.Contains(programs, dir) {
		return "examples"
	}
	first, rest, _ := strings.Cut(dir, "/")
	if first == "backend" && rest != "" {
		second, _, _ := strings.Cut(rest, "/")
		return "backend/" + second
	}
	return first
}

// testOnly reports packages that only tests may import: contract kits and helpers,
// called something-test as testing/fstest is, and the leak check.
func testOnly(dir string) bool {
	return strings.HasSuffix(path.Base(dir), "test") || dir == "internal/leak"
}

// within reports whether an import path is prefix or lies below it.
func within(imported, prefix string) bool {
	return imported == prefix || strings.HasPrefix(imported, prefix+"/")
}

// faultsOfArrows lists every import that no arrow allows.
func faultsOfArrows(files []source) []string {
	var faults []string
	for _, f := range files {
		fault := func(format string, args ...any) {
			faults = append(faults, f.name+": "+fmt.Sprintf(format, args...))
		}
		if f.dir == "." {
			fault("the root has no package: it would pull all three patterns into every program")
			continue
		}
		if _, ok := arrows[room(f.dir)]; !ok {
			fault("the room %q is not in the table of arrows", room(f.dir))
			continue
		}
		for _, imported := range f.imports {
			if why := mayImport(f, imported); why != "" {
				fault("imports %s: %s", imported, why)
			}
		}
	}
	return faults
}

// mayImport says why f may not import the path, "" if it may.
func mayImport(f source, imported string) string {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case within(imported, module):
		return mayImportOurs(f, strings.TrimPrefix(strings.TrimPrefix(imported, module), "/"))
	case strings.Contains(first, "."):
		return mayImportForeign(f, imported)
	case imported == "C":
		return "everything builds without a C compiler"
	case imported == "testing" || within(imported, "testing") || imported == "net/http/httptest":
		if !f.test && !testOnly(f.dir) {
			return "only tests and the kits called something-test may"
		}
	}
	return ""
}

func mayImportOurs(f source, to string) string {
	from, target := room(f.dir), room(to)
	inTest := f.test || testOnly(f.dir)
	switch {
	case to == "":
		return "the root has no package"
	case testOnly(to) && !inTest:
		return "only tests may import a test kit"
	case target == "examples" && from != "examples":
		return "nothing imports a program"
	case from == target || slices.Contains(arrows[from], target) || slices.Contains(arrows[from], anyRoom):
		return ""
	case !inTest:
		return fmt.Sprintf("no arrow from %s to %s", from, target)
	case from == "internal":
		return "" // tests across rooms live there
	case to == "internal/leak" || target == "internal" && testOnly(to):
		return "" // helpers for the tests of any room
	case strings.HasPrefix(from, "backend/") && !strings.HasPrefix(target, "backend/"):
		return "" // a backend is tested under whole servers and clients
	}
	return fmt.Sprintf("no arrow from %s to %s, not even in a test", from, target)
}

func mayImportForeign(f source, imported string) string {
	for prefix, rooms := range foreign {
		if within(imported, prefix) {
			if f.test || slices.Contains(rooms, room(f.dir)) {
				return ""
			}
			return "only " + strings.Join(rooms, " and ") + " may, and tests"
		}
	}
	return "not one of the root module's three dependencies"
}

// faultsOfGoMod lists direct dependencies that the root module must not have.
func faultsOfGoMod(text string) []string {
	var faults []string
	block := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		fields := strings.Fields(line)
		switch {
		case line == "require (":
			block = true
			continue
		case line == ")":
			block = false
			continue
		case len(fields) > 0 && fields[0] == "require":
			fields = fields[1:]
		case !block:
			continue
		}
		if len(fields) < 2 || strings.HasPrefix(line, "//") || strings.HasSuffix(line, "// indirect") {
			continue
		}
		if _, ok := foreign[fields[0]]; !ok {
			faults = append(faults, "go.mod requires "+fields[0]+": it belongs into a nested module")
		}
	}
	return faults
}

func TestArrows(t *testing.T) {
	report(t, faultsOfArrows(loadRoot(t)))
}

func TestGoMod(t *testing.T) {
	text, err := fs.ReadFile(root(), "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	report(t, faultsOfGoMod(string(text)))
}

// TestArrowTable: a room in the table of allowed targets must itself exist in it.
func TestArrowTable(t *testing.T) {
	for _, from := range slices.Sorted(maps.Keys(arrows)) {
		for _, to := range arrows[from] {
			if _, ok := arrows[to]; !ok && to != anyRoom {
				t.Errorf("%s may import %s, which is no room", from, to)
			}
		}
	}
}
