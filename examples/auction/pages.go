package main

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
)

//go:embed static
var static embed.FS

// policy lets a page load nothing but this server's files and connect nowhere but to this server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pages serves the page, which is the same at all its addresses, and its files.
func pages(mux *http.ServeMux) {
	page := file("static/index.html")
	for _, address := range []string{"/{$}", "/lot/{id}", "/account", "/audit", "/sell"} {
		mux.HandleFunc("GET "+address, page)
	}
	entries, err := static.ReadDir("static")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	for _, entry := range entries {
		mux.HandleFunc("GET /static/"+entry.Name(), file("static/"+entry.Name()))
	}
}

// protect sets what every answer says to the browser.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// file serves one embedded file. Browsers keep it, and ask each time whether it is still the same one.
func file(name string) http.HandlerFunc {
	content, err := static.ReadFile(name)
	if err != nil {
		panic(err) // the file is part of the program
	}
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
	}
	hash := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(hash[:8]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		protect(h)
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
