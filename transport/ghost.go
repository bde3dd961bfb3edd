package transport

import "time"

// A client whose key nobody else has can be superseded all the same: by an earlier connection of its own, or of a process before it, whose hello was long
// on its way, or waited for the server's Authenticate. Nobody is at the other end of that one, so the client comes back. A key that was copied after all, with the file
// that it is in, must not make two clients chase each other away for ever: so only maxGhosts times in a row, and a session that stays for ghostless ends the row.
const (
	maxGhosts = 5
	ghostless = time.Minute
)

// ghosts counts how often in a row a client was superseded.
type ghosts int

// passed reports whether what ended a session of that age was superseding, and may have been done by a ghost.
func (g *ghosts) passed(s *Session, age time.Duration) bool {
	if s == nil || s.ending.Load().code != CloseSuperseded {
		return false
	}
	if age >= ghostless {
		*g = 0
	}
	*g++
	return *g <= maxGhosts
}
