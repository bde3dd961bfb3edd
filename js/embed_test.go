package js_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/js"
)

func get(method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	js.Handler().ServeHTTP(w, r)
	return w
}

func built(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile("dist/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestHandler(t *testing.T) {
	for _, name := range []string{"trefoil.js", "trefoil.global.js"} {
		want := built(t, name)
		for _, path := range []string{"/" + name, "/static/js/" + name, "/" + name + "?v=1"} {
			w := get("GET", path)
			if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), want) {
				t.Errorf("%s: %d, %d bytes", path, w.Code, w.Body.Len())
			}
			if got := w.Header().Get("Content-Type"); got != "text/javascript; charset=utf-8" {
				t.Errorf("%s: %s", path, got)
			}
		}
		if w := get("HEAD", "/"+name); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != fmt.Sprint(len(want)) {
			t.Errorf("HEAD %s: %d %v", name, w.Code, w.Header())
		}
	}
	if bytes.Equal(built(t, "trefoil.js"), built(t, "trefoil.global.js")) {
		t.Error("the two are the same")
	}
}

func TestHandlerRefuses(t *testing.T) {
	for path, code := range map[string]int{"/": 404, "/trefoil.css": 404, "/trefoil.js/": 404, "/package.json": 404, "/dist": 404} {
		if w := get("GET", path); w.Code != code {
			t.Errorf("%s: %d, want %d", path, w.Code, code)
		}
	}
	if w := get("POST", "/trefoil.js"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
}

// A browser that has the file gets 304, in either encoding.
func TestHandlerCaches(t *testing.T) {
	tags := map[string]bool{}
	for _, encoding := range []string{"identity", "gzip"} {
		w := get("GET", "/trefoil.js", "Accept-Encoding", encoding)
		tag := w.Header().Get("ETag")
		tags[tag] = true
		if tag == "" || w.Header().Get("Cache-Control") != "no-cache" || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v", encoding, w.Header())
		}
		if w := get("GET", "/trefoil.js", "Accept-Encoding", encoding, "If-None-Match", tag); w.Code != 304 || w.Body.Len() != 0 {
			t.Errorf("%s again: %d", encoding, w.Code)
		}
		if w := get("GET", "/trefoil.js", "Accept-Encoding", encoding, "If-None-Match", `"older"`); w.Code != 200 {
			t.Errorf("%s, of another version: %d", encoding, w.Code)
		}
	}
	if len(tags) != 2 {
		t.Error("two representations have the same tag")
	}
}

func TestHandlerCompresses(t *testing.T) {
	want := built(t, "trefoil.js")
	for accept, zipped := range map[string]bool{
		"gzip": true, "br, GZIP ; q=0.5": true, "gzip;q=0": false, "gzip; q=0.000": false, "br": false, "": false, "gzipped": false,
	} {
		w := get("GET", "/trefoil.js", "Accept-Encoding", accept)
		var body io.Reader = w.Body
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("%q: gzip %v", accept, got)
			continue
		} else if got {
			if w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
				t.Errorf("%q: %v", accept, w.Header())
			}
			r, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = r
		}
		if content, err := io.ReadAll(body); err != nil || !bytes.Equal(content, want) {
			t.Errorf("%q: %d bytes, %v", accept, len(content), err)
		}
	}
	if w := get("GET", "/trefoil.js", "Accept-Encoding", "gzip", "Range", "bytes=0-9"); w.Code != 206 || !bytes.Equal(w.Body.Bytes(), want[:10]) {
		t.Errorf("range: %d %q", w.Code, w.Body)
	}
}

// The file names the licences of what it contains.
func TestLicences(t *testing.T) {
	for _, name := range []string{"trefoil.js", "trefoil.global.js"} {
		head := string(built(t, name)[:2000])
		for _, want := range []string{"Apache-2.0", "@msgpack/msgpack", "Permission to use, copy, modify"} {
			if !strings.Contains(head, want) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
	}
}

func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("/trefoil.js", js.Handler())
	server := httptest.NewServer(mux)
	defer server.Close()

	response, err := http.Get(server.URL + "/trefoil.js")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	fmt.Println(response.StatusCode, response.Header.Get("Content-Type"))
	// Output: 200 text/javascript; charset=utf-8
}
