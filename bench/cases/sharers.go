package cases

import (
	"fmt"
	"time"

	"github.com/trefoilgo/trefoil/bench/load"
)

// sharer is a way to share a document.
type sharer struct {
	peer
	dial load.DialShared
	// interval is how often each client polls; 0 if it is told.
	interval time.Duration
}

var sharers = []sharer{
	{peer{ours, "in cases about bandwidth: an object of dstm, msgpack, at its defaults", inRole("trefoil", 0)}, load.DialReplica, 0},
	{peer{"trefoil, JSON", "the same with the JSON codec", inRole("trefoil", 0)}, load.DialReplicaJSON, 0},
	{peer{"changed fields", "JSON over a WebSocket (gorilla, no compression): the changed fields to the server and to everybody; no history, no versions, no transactions; who comes back gets the whole", inRole("json-doc", 0)}, load.DialParts, 0},
	{peer{"changed item", "the same, but the changed item with all its fields", inRole("json-doc", 0)}, load.DialItem, 0},
	{peer{"whole document", "the same, but the changed fields to the server and the whole document to everybody", inRole("json-doc", 0)}, load.DialWhole, 0},
	polls(time.Second, "", load.DialPoll), polls(time.Second, ", ETag", load.DialTagged), polls(time.Second, ", ETag, gzip", load.DialPacked),
	polls(5*time.Second, "", load.DialPoll), polls(5*time.Second, ", ETag", load.DialTagged), polls(5*time.Second, ", ETag, gzip", load.DialPacked),
}

// polls is a way to share that asks for the document now and then.
func polls(interval time.Duration, how string, dial load.DialShared) sharer {
	name := fmt.Sprintf("poll, %v%s", interval, how)
	return sharer{peer{name, fmt.Sprintf("JSON over HTTP/1.1 (net/http, connections kept): each client GETs the whole document every %v%s; a change is a POST of the changed fields", interval, how),
		inRole("json-doc", 0)}, dial, interval}
}
