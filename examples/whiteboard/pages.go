package main

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

//go:embed static
var static embed.FS

// policy lets a page load nothing but this server's files and connect nowhere but to this server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
	"connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pages serves the page, which is the same for all boards, its files, and the worker that keeps them for when the server is away.
func pages(mux *http.ServeMux) {
	entries, err := static.ReadDir("static")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		if files[entry.Name()], err = fs.ReadFile(static, "static/"+entry.Name()); err != nil {
			panic(err)
		}
	}
	page := file("index.html", files["index.html"])
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("GET /b/{id}", page)
	// The worker stands at the root, as it answers for all below the folder that it is in.
	mux.HandleFunc("GET /sw.js", file("sw.js", worker(files)))
	delete(files, "sw.js")
	for name, content := range files {
		mux.HandleFunc("GET /static/"+name, file(name, content))
	}
}

// worker is the service worker, which is told the version, a hash of all files, and what to keep. Browsers compare its bytes with those they have: so
// a change of any file is an update.
func worker(files map[string][]byte) []byte {
	all := sha256.New()
	keep := []string{"/"}
	entries, _ := static.ReadDir("static") // in order of names
	for _, entry := range entries {
		name := entry.Name()
		fmt.Fprintf(all, "%s %d\n", name, len(files[name]))
		all.Write(files[name])
		if name != "sw.js" && name != "index.html" {
			keep = append(keep, "/static/"+name)
		}
	}
	list, err := json.Marshal(keep)
	if err != nil {
		panic(err) // strings can be marshalled
	}
	head := fmt.Sprintf("const VERSION = %q, FILES = %s;\n", hex.EncodeToString(all.Sum(nil)[:8]), list)
	return append([]byte(head), files["sw.js"]...)
}

// file serves one file. Browsers keep it, and ask each time whether it is still the same one.
func file(name string, content []byte) http.HandlerFunc {
	kind := mime.TypeByExtension(path.Ext(name))
	switch path.Ext(name) { // whatever the machine's own table says
	case ".js":
		kind = "text/javascript; charset=utf-8"
	case ".css":
		kind = "text/css; charset=utf-8"
	case ".html":
		kind = "text/html; charset=utf-8"
	case ".svg":
		kind = "image/svg+xml"
	case ".png":
		kind = "image/png"
	case ".webmanifest":
		kind = "application/manifest+json"
	}
	hash := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(hash[:8]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write(content)
	}
}
