package load

import (
	"context"
	"time"

	"github.com/trefoilgo/trefoil/bench/scene"
)

// Shared are the clients of a document that all of them see and change, each with a connection of its own.
type Shared interface {
	// Join adds a client, and returns when it has the document.
	Join(ctx context.Context) error
	// Change makes a change as the client that it names, and returns when everybody who is told of changes has it.
	Change(ctx context.Context, c scene.Change) error
	// Poll has every client ask for the document, if they are not told of changes.
	Poll(ctx context.Context) error
	// Leave cuts a client's connection; Return has it come back, and returns when it has the document again as the others have it.
	Leave(client int)
	Return(ctx context.Context, client int) error
	// Doc is the document as a client has it.
	Doc(client int) (scene.Doc, error)
	// Messages is how many messages, or requests and answers to them, all clients have had.
	Messages() int64
	// Close closes all connections.
	Close()
}

// DialShared prepares clients of the document of a scene at a server.
type DialShared func(address string, s *scene.Scene) Shared

// away is how long a client may be kept from coming back, and how long a change may take to everybody.
const away = 5 * time.Minute
