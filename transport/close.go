package transport

import (
	"strconv"

	"github.com/trefoilgo/trefoil/status"
)

// CloseCode says why a session was ended; it travels in the WebSocket close
// frame (RFC 6455 section 7.4). 4000 to 4099 mean "come back", 4100 to 4199 "do not".
type CloseCode int

// The close codes of docs/PROTOCOL.md, section 4.
const (
	CloseNormal           CloseCode = 1000
	CloseGoingAway        CloseCode = 4000
	CloseHeartbeat        CloseCode = 4001
	CloseSlowConsumer     CloseCode = 4002
	CloseInternal         CloseCode = 4003
	CloseOverloaded       CloseCode = 4004
	CloseExpired          CloseCode = 4005
	CloseHandshakeTimeout CloseCode = 4006
	CloseSuperseded       CloseCode = 4100
	CloseUnauthenticated  CloseCode = 4101
	CloseDenied           CloseCode = 4102
	CloseMalformed        CloseCode = 4103
	CloseProtocol         CloseCode = 4104
	CloseTooLarge         CloseCode = 4105
	CloseOutdated         CloseCode = 4106
	CloseKicked           CloseCode = 4107
)

var closeNames = map[CloseCode]string{
	CloseNormal: "normal", CloseGoingAway: "going_away", CloseHeartbeat: "heartbeat",
	CloseSlowConsumer: "slow_consumer", CloseInternal: "internal", CloseOverloaded: "overloaded",
	CloseExpired: "expired", CloseHandshakeTimeout: "handshake_timeout",
	CloseSuperseded: "superseded", CloseUnauthenticated: "unauthenticated", CloseDenied: "permission_denied",
	CloseMalformed: "malformed", CloseProtocol: "protocol", CloseTooLarge: "too_large",
	CloseOutdated: "outdated", CloseKicked: "kicked",
}

// String is the code's name in docs/PROTOCOL.md, or its number.
func (c CloseCode) String() string {
	if name, ok := closeNames[c]; ok {
		return name
	}
	return strconv.Itoa(int(c))
}

// ComeBack reports whether a client closed with c should reconnect.
func (c CloseCode) ComeBack() bool {
	return c != CloseNormal && (c < 4100 || c > 4199)
}

// Errors that sending reports; compare with errors.Is.
const (
	// ErrFull: the session's outbound budget has no room now; nothing was queued.
	ErrFull = status.Reason("transport.full")
	// ErrFrameTooLarge: the frame exceeds what the peer accepts; nothing was queued.
	ErrFrameTooLarge = status.Reason("transport.frame_too_large")
	// ErrClosed: the session, client or server has ended; nothing was queued.
	ErrClosed = status.Reason("transport.closed")
)

// ErrMessageTooLarge is what [Conn.Read] returns in place of a message beyond
// its limit.
const ErrMessageTooLarge = status.Reason("transport.message_too_large")

// CloseError is what [Conn.Read] returns when the peer sent a close frame.
type CloseError struct {
	Code   CloseCode
	Reason string
}

// Error names the code and repeats the peer's reason.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return "closed by the peer: " + e.Code.String()
	}
	return "closed by the peer: " + e.Code.String() + ": " + e.Reason
}
