// Package js serves the browser client of this version of Trefoil, so that a Go server needs no build step for its pages:
//
//	http.Handle("/trefoil.js", js.Handler())
//	http.Handle("/trefoil.global.js", js.Handler())
//
// The first is an ES module (import {Client, rpc} from "/trefoil.js"), the second the same as a plain script that defines
// the global trefoil. Their sources, in TypeScript, lie beside this file; README.md there describes their use.
package js

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The built client; npm run check-built compares it with its sources.
var (
	//go:embed dist/trefoil.js
	module []byte
	//go:embed dist/trefoil.global.js
	global []byte
)

// file is one of the two, as it goes over the wire.
type file struct {
	plain, zipped     []byte
	plainTag, zipETag string
}

var files = map[string]func() *file{
	"trefoil.js":        sync.OnceValue(func() *file { return prepare(module) }),
	"trefoil.global.js": sync.OnceValue(func() *file { return prepare(global) }),
}

func prepare(content []byte) *file {
	sum := sha256.Sum256(content)
	tag := hex.EncodeToString(sum[:12])
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // the level is a good one, and memory does not fail
	_, _ = w.Write(content)
	_ = w.Close()
	return &file{plain: content, zipped: zipped.Bytes(), plainTag: strconv.Quote(tag), zipETag: strconv.Quote(tag + "-gzip")}
}

// Handler serves the client to GET and HEAD requests, by the last element of their path: trefoil.js, the ES module, and trefoil.global.js,
// the plain script. So it can stand at any place, with http.StripPrefix or without. Any other path is answered 404, any other method 405.
//
// Browsers keep the file and ask each time whether it is still the same (ETag, Cache-Control: no-cache), so that a page never runs another version than
// its server's. It is compressed with gzip for those that accept it. The handler may be used by several goroutines at once.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	get, ok := files[name]
	if !ok || strings.HasSuffix(r.URL.Path, "/") {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	f := get()
	content, tag := f.plain, f.plainTag
	h := w.Header()
	if acceptsGzip(r) {
		content, tag = f.zipped, f.zipETag
		h.Set("Content-Encoding", "gzip")
		h.Set("Content-Length", strconv.Itoa(len(content))) // ServeContent leaves it out where there is an encoding
	}
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	h.Add("Vary", "Accept-Encoding")
	h.Set("ETag", tag)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

// acceptsGzip reports whether the request names gzip, and not with the weight 0 (RFC 9110, section 12.5.3). A request for a
// range gets one of the plain file.
func acceptsGzip(r *http.Request) bool {
	if r.Header.Get("Range") != "" {
		return false
	}
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		_, q, found := strings.Cut(strings.ReplaceAll(weight, " ", ""), "q=")
		v, err := strconv.ParseFloat(q, 64)
		return !found || err == nil && v > 0
	}
	return false
}
