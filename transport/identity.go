package transport

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/trefoilgo/trefoil/status"
)

// ID is a 16-byte identifier: of a client, a session or a node.
type ID [16]byte

// NewID makes a random ID.
func NewID() ID {
	var id ID
	rand.Read(id[:]) // never fails: crypto/rand, since Go 1.24
	return id
}

// ParseID reads the 32 hex digits that String writes.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 2*len(id) {
		return id, status.New(status.InvalidArgument, "transport.bad_id", "an id has 32 hex digits")
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return id, status.New(status.InvalidArgument, "transport.bad_id", "an id has 32 hex digits").Because(err)
	}
	return id, nil
}

// String is the ID as 32 lower-case hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id is all zero, which no made ID is.
func (id ID) IsZero() bool { return id == ID{} }

// Key is a client's secret: whoever holds it *is* that client. It is sent in
// hello alone. Keep it where the client's own state is kept.
type Key [32]byte

// NewKey makes a random Key.
func NewKey() Key {
	var k Key
	rand.Read(k[:])
	return k
}

// Client is the id of the client that holds k: the first 16 bytes of SHA-256(k).
// So an id needs no state on any server, and nobody else can claim it.
func (k Key) Client() ID {
	sum := sha256.Sum256(k[:])
	return ID(sum[:16])
}

// String hides the key, so that it does not reach a log by accident.
func (k Key) String() string { return "key of " + k.Client().String() }

// Identity is who a session acts for, as the server's Authenticate returned it.
// It reaches every handler and rule. The zero Identity is an anonymous user.
type Identity struct {
	// User is the user's name, "" for anonymous.
	User string
	// Expires is when the credentials end; zero means never.
	Expires time.Time
	// Claims are whatever else the login knows (roles, tenant); read-only.
	Claims map[string]any
}
