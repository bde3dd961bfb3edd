// Package tree is the value of an object: a persistent tree of maps, lists and leaves
// in which every node knows when it was written, so that a transaction's reads
// can be judged by versions alone and a delete leaves nothing behind.
package tree

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Path names a node: one key for each map, or id for each list, from the root. The empty path is the root.
type Path []string

// Limits of a path (docs/PROTOCOL.md, section 8).
const (
	MaxDepth = 32
	MaxKey   = 256
)

// Valid reports whether the path is within the limits and every key is UTF-8.
func (p Path) Valid() bool {
	if len(p) > MaxDepth {
		return false
	}
	for _, key := range p {
		if !ValidKey(key) {
			return false
		}
	}
	return true
}

// ValidKey reports whether key may name a child.
func ValidKey(key string) bool {
	return len(key) >= 1 && len(key) <= MaxKey && utf8.ValidString(key)
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// String joins the keys with slashes; "~" and "/" in a key are written "~0" and
// "~1", as in a JSON Pointer (RFC 6901 section 3), but without the slash in front.
func (p Path) String() string {
	keys := make([]string, len(p))
	for i, key := range p {
		keys[i] = escape.Replace(key)
	}
	return strings.Join(keys, "/")
}

// Starts reports whether p is prefix or lies below it.
func (p Path) Starts(prefix Path) bool {
	return len(p) >= len(prefix) && slices.Equal(p[:len(prefix)], prefix)
}

// Touches reports whether p and q are equal or one lies below the other.
func (p Path) Touches(q Path) bool { return p.Starts(q) || q.Starts(p) }
