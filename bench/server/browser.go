package server

import (
	_ "embed"
	"net/http"

	"github.com/trefoilgo/trefoil/bench/child"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/js"
)

//go:embed browser.html
var browserPage []byte

// browser is Trefoil with a page for a browser, which measures its client there.
func browser() ([]string, map[string]child.Command, error) {
	mux, commands, err := muxTrefoil(dstm.NewMemoryLog())
	if err != nil {
		return nil, nil, err
	}
	mux.Handle("/trefoil.js", js.Handler())
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		// A page apart from all others has a finer clock: in steps of 5 us instead of 100.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		_, _ = w.Write(browserPage)
	})
	addresses, _, err := serveHTTP(mux)
	return addresses, commands, err
}
