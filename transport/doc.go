// Package transport keeps up the one connection that carries all patterns: the
// handshake, frames and their streams, flow control, heartbeats, reconnecting.
// docs/PROTOCOL.md, sections 1 to 5 and 9 to 11, is what it speaks.
//
// A [Server] is an http.Handler; a [Client] connects to it, by WebSocket or in memory
// ([Server.Pipe]). Both are given [Pattern] values: rpc, pubsub, dstm, or one of the
// user's own. A pattern sees a [Session] open, receives its frames, and sends frames:
//
//	server := transport.NewServer(nil, calls, topics, objects)
//	http.Handle("/ws", server)
//
//	client, err := transport.Dial(ctx, "wss://example.org/ws", nil, calls, topics, objects)
//
// # How frames leave
//
// TrySend only queues. Frames that are small are gathered into messages in the
// order of arrival; large ones are cut and take turns, so that none of them delays another
// stream for long; frames of one stream never overtake each other. A server's
// reading goroutine writes what its receivers queued when it has dealt with all that had
// arrived: many answers leave with one system call. Everything else is written by a
// goroutine that lives only while something is queued.
//
// # What an idle connection costs
//
// On a server one goroutine and no timer, no read buffer and no write buffer: some 8 KiB in all, of which 4 KiB are the
// goroutine's stack. One goroutine per server looks after heartbeats.
//
// # Several servers
//
// Servers that share a [Cluster] see to it that a client has one session among all of them, know who is connected
// where ([Server.Everywhere]) and reach any of them ([Server.Kick]).
package transport
