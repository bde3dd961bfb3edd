package server

import (
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/trefoilgo/trefoil/bench/child"
)

// rawEcho is the reference of most goals: gorilla/websocket with the library's defaults, one message and one write a request, on
// net/http's goroutine. Do not make it faster: every goal would move.
func rawEcho() ([]string, map[string]child.Command, error) {
	var upgrader websocket.Upgrader
	return serveHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		for {
			kind, message, err := ws.ReadMessage()
			if err != nil {
				return
			}
			if err := ws.WriteMessage(kind, message); err != nil {
				return
			}
		}
	}))
}
