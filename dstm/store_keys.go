package dstm

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
)

// Keys of the pieces that a store keeps in its log (docs/decisions/0011-state-in-pieces.md). The name
// of an object holds no 0x00.
const (
	keyHead      = "head"
	keyObjects   = "o/"        // and the name: the object as it is
	keyClients   = "c/"        // and the id in hex: what is remembered of a client
	keyForgotten = "forgotten" // at the position that State.Forgotten says
	keyHistory   = "h/"        // and name, 0x00, and a storeSpan: the object as it was
	spanDigits   = 16
	spanNumbers  = 3
)

func objectKey(name string) string { return keyObjects + name }

func clientKey(id engine.ID) string { return keyClients + hex.EncodeToString(id[:]) }

// storeSpan says of what use a former state of an object is: the commits that led from version to the next
// state that was saved are behind the position from and up to until.
type storeSpan struct {
	version     uint64
	from, until uint64
}

func historyPrefix(name string) string { return keyHistory + name + "\x00" }

func (p storeSpan) key(name string) string {
	return fmt.Sprintf("%s%016x%016x%016x", historyPrefix(name), p.version, p.from, p.until)
}

// parseSpan reads the end of a key of history.
func parseSpan(key string) (storeSpan, bool) {
	digits := key[strings.LastIndexByte(key, 0)+1:]
	if len(digits) != spanNumbers*spanDigits {
		return storeSpan{}, false
	}
	var n [spanNumbers]uint64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseUint(digits[i*spanDigits:(i+1)*spanDigits], 16, 64); err != nil {
			return storeSpan{}, false
		}
	}
	return storeSpan{version: n[0], from: n[1], until: n[2]}, true
}
