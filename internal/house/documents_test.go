package house

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	heading = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
	inline  = regexp.MustCompile("`[^`]*`")
	fence   = regexp.MustCompile("^ {0,3}(```+|~~~+)")
)

// prose returns the lines of a document outside its code blocks.
func prose(text string) []string {
	var lines []string
	open := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := fence.FindStringSubmatch(line); m != nil {
			switch {
			case open == "":
				open = m[1]
			case strings.HasPrefix(m[1], open):
				open = ""
			}
			line = ""
		}
		if open != "" {
			line = ""
		}
		lines = append(lines, line)
	}
	return lines
}

// anchors are the fragments that a document's headings can be reached by.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, line := range prose(text) {
		m := heading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		slug := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, m[1])
		for n, unique := 0, slug; ; n, unique = n+1, fmt.Sprintf("%s-%d", slug, n+1) {
			if !all[unique] {
				all[unique] = true
				break
			}
		}
	}
	return all
}

// faultsOfLinks lists links in documents that lead nowhere inside tree. Links
// that leave it are not followed: a test needs no network.
func faultsOfLinks(tree fs.FS) ([]string, error) {
	var faults []string
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && (base == "node_modules" || base == "testdata" || base == ".git"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".md":
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		for i, line := range prose(string(text)) {
			for _, m := range link.FindAllStringSubmatch(inline.ReplaceAllString(line, ""), -1) {
				if why := leadsNowhere(tree, name, m[1]); why != "" {
					faults = append(faults, fmt.Sprintf("%s:%d: %s: %s", name, i+1, m[1], why))
				}
			}
		}
		return nil
	})
	return faults, err
}

// leadsNowhere says why target, linked from the document name, has no end, "" if it has.
func leadsNowhere(tree fs.FS, name, target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return err.Error()
	}
	if u.Scheme != "" || u.Host != "" {
		return ""
	}
	to := name
	if u.Path != "" {
		to = path.Join(path.Dir(name), u.Path)
	}
	if !fs.ValidPath(to) || strings.HasPrefix(u.Path, "/") {
		return "leaves the repository"
	}
	if _, err := fs.Stat(tree, to); err != nil {
		return "no such file"
	}
	if u.Fragment == "" || path.Ext(to) != ".md" {
		return ""
	}
	text, err := fs.ReadFile(tree, to)
	if err != nil {
		return err.Error()
	}
	if !anchors(string(text))[u.Fragment] {
		return "no such heading"
	}
	return ""
}

func TestLinks(t *testing.T) {
	faults, err := faultsOfLinks(root())
	if err != nil {
		t.Fatal(err)
	}
	report(t, faults)
}

func TestLinksBreak(t *testing.T) {
	const doc = "# Title\n## 3. Frames, `kind` and *order*\n## Twice\n## Twice\n```\n# no heading\n```\n"
	for _, c := range []struct{ text, fault string }{
		{"[a](docs/A.md)", ""},
		{"[a](docs/A.md#3-frames-kind-and-order)", ""},
		{"[a](docs/A.md#twice-1)", ""},
		{"[a](docs/)", ""},
		{"[a](https://example.org/none) ![b](mailto:a@example.org)", ""},
		{"# Here\n[a](#here)", ""},
		{"`m[a](b)`", ""},
		{"```go\nm[a](b)\n```", ""},
		{"[a](docs/B.md)", "no such file"},
		{"[a](docs/A.md#four)", "no such heading"},
		{"[a](docs/A.md#no-heading)", "no such heading"},
		{"[a](#none \"title\")", "no such heading"},
		{"[a](../other/A.md)", "leaves the repository"},
		{"[a](/docs/A.md)", "leaves the repository"},
	} {
		tree := fstest.MapFS{"README.md": {Data: []byte(c.text)}, "docs/A.md": {Data: []byte(doc)}}
		faults, err := faultsOfLinks(tree)
		if err != nil {
			t.Fatal(err)
		}
		if c.fault == "" && len(faults) > 0 || c.fault != "" && (len(faults) != 1 || !strings.Contains(faults[0], c.fault)) {
			t.Errorf("%q: got %q, want %q", c.text, faults, c.fault)
		}
	}
}
