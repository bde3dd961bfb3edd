package server

import (
	"encoding/json"
	"net/http"

	"github.com/trefoilgo/trefoil/bench/child"
)

// Body is a request and its answer in JSON.
type Body struct {
	Payload string `json:"payload"`
}

// httpJSON answers POST with what came, over HTTP/1.1 with connections that are kept.
func httpJSON() ([]string, map[string]child.Command, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		var body Body
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(body)
	})
	return serveHTTP(mux)
}
