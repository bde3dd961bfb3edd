package site

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
)

// policy lets a page load nothing but this server's files and connect nowhere but to this server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
	"connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Protect sets what every answer says to the browser.
func Protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// Pages serves the folder static of files: index.html at each of the addresses, which are patterns of mux, the others at /static/. If sw.js is among
// them, the service worker that keeps the rest for when the server is away, it is served at /sw.js, as it answers for all below the folder that
// it is in, and begins with a VERSION and the FILES that it is to keep. It panics if a file cannot be read: they are part of the program.
func Pages(mux *http.ServeMux, files fs.FS, addresses ...string) {
	static, err := readAll(files)
	if err != nil {
		panic(err)
	}
	page := file("index.html", static["index.html"])
	for _, address := range addresses {
		mux.HandleFunc("GET "+address, page)
	}
	if _, ok := static["sw.js"]; ok {
		mux.HandleFunc("GET /sw.js", file("sw.js", worker(static)))
		delete(static, "sw.js")
	}
	for name, content := range static {
		mux.HandleFunc("GET /static/"+name, file(name, content))
	}
}

func readAll(files fs.FS) (map[string][]byte, error) {
	entries, err := fs.ReadDir(files, "static")
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, entry := range entries {
		if all[entry.Name()], err = fs.ReadFile(files, "static/"+entry.Name()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// worker is the service worker, which is told the version, a hash of all files, and what to keep. Browsers compare its bytes with those they have: so
// a change of any file is an update.
func worker(static map[string][]byte) []byte {
	all := sha256.New()
	keep := []string{"/"}
	for _, name := range slices.Sorted(maps.Keys(static)) {
		fmt.Fprintf(all, "%s %d\n", name, len(static[name]))
		all.Write(static[name])
		if name != "sw.js" && name != "index.html" {
			keep = append(keep, "/static/"+name)
		}
	}
	list, err := json.Marshal(keep)
	if err != nil {
		panic(err) // strings can be marshalled
	}
	head := fmt.Sprintf("const VERSION = %q, FILES = %s;\n", hex.EncodeToString(all.Sum(nil)[:8]), list)
	return append([]byte(head), static["sw.js"]...)
}

// kinds are those of our files, whatever the machine's own table says.
var kinds = map[string]string{
	".js":          "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".webmanifest": "application/manifest+json",
}

// file serves one file. Browsers keep it, and ask each time whether it is still the same one.
func file(name string, content []byte) http.HandlerFunc {
	kind, ok := kinds[path.Ext(name)]
	if !ok {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	hash := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(hash[:8]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		Protect(h)
		h.Set("Content-Type", kind)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write(content)
	}
}
