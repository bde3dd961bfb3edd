package pubsub

import (
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// The kinds of docs/PROTOCOL.md, section 7.
const (
	kindSubscribe   = 1
	kindSubscribed  = 2
	kindUnsubscribe = 3
	kindPublish     = 5
	kindPublished   = 6
	kindRefused     = 7
	kindPublication = 8
	kindReplay      = 9
	kindGap         = 10
	kindSkip        = 11
	kindMember      = 12
	kindMembers     = 13
	kindMemberList  = 14
	kindEnded       = 15
)

// maxID is the largest id: JavaScript's numbers count exactly up to it.
const maxID = 1<<53 - 1

// flagNotToMyself in publish: not back to the client that publishes.
const flagNotToMyself = 1

// header begins a frame of n elements, stream included.
func header(b []byte, n, kind int) []byte {
	return transport.AppendHeader(b, n, transport.NumberPubSub, kind)
}

// answer begins a frame of the server about one request: stream, id, and n more.
func answer(n, kind int, stream, id int64) []byte {
	b := header(make([]byte, 0, 96), n+4, kind)
	return codec.AppendInt(codec.AppendInt(b, stream), id)
}

func appendID(b []byte, id transport.ID) []byte {
	if id.IsZero() {
		return codec.AppendNil(b)
	}
	return codec.AppendBytes(b, id[:])
}

func appendRaw(b []byte, raw codec.Raw) []byte {
	if raw == nil {
		return codec.AppendNil(b)
	}
	return append(b, raw...)
}

func appendText(b []byte, s string) []byte {
	if s == "" {
		return codec.AppendNil(b)
	}
	return codec.AppendString(b, s)
}

// appendContent appends what publication and entries of replay end with.
func appendContent(b []byte, r *Record) []byte {
	b = appendID(b, r.From)
	b = appendRaw(b, r.Metadata)
	b = appendRaw(b, r.Payload)
	return appendText(b, r.Key)
}

// appendPlace appends what they begin with.
func appendPlace(b []byte, r *Record) []byte {
	return codec.AppendInt(codec.AppendString(b, r.Topic), r.Position.Offset)
}

// recordSize is how long a record is in a frame, at most.
func recordSize(r *Record) int {
	return len(r.Topic) + len(r.Metadata) + len(r.Payload) + len(r.Key) + 64
}

func publicationFrame(stream int64, r *Record) []byte {
	b := header(make([]byte, 0, recordSize(r)), 10, kindPublication)
	b = appendPlace(codec.AppendInt(b, stream), r)
	return appendContent(codec.AppendInt(b, r.Prev), r)
}

func skipFrame(stream int64, r *Record) []byte {
	b := header(make([]byte, 0, 32+len(r.Topic)), 6, kindSkip)
	return codec.AppendInt(appendPlace(codec.AppendInt(b, stream), r), r.Prev)
}

func subscribedFrame(stream, id int64, at Position, replay bool) []byte {
	b := answer(4, kindSubscribed, stream, id)
	b = appendPosition(b, at)
	return codec.AppendBool(b, replay)
}

func publishedFrame(stream, id int64, at Position) []byte {
	return appendPosition(answer(3, kindPublished, stream, id), at)
}

func appendPosition(b []byte, at Position) []byte {
	b = appendText(b, at.Log)
	b = appendText(b, at.Epoch)
	return codec.AppendInt(b, at.Offset)
}

func refusedFrame(stream, id int64, err error) []byte {
	return transport.AppendError(answer(1, kindRefused, stream, id), status.From(err))
}

func endedFrame(stream, id int64, err error) []byte {
	return transport.AppendError(answer(1, kindEnded, stream, id), status.From(err))
}

func replayFrame(stream, id, upTo int64, last bool, n int, entries []byte) []byte {
	b := answer(3, kindReplay, stream, id)
	b = codec.AppendInt(b, upTo)
	b = codec.AppendBool(b, last)
	return append(codec.AppendArray(b, n), entries...)
}

// gapNote is a gap on its way to a client.
type gapNote struct {
	cause     Cause
	epoch     string
	after, to int64
	count     int64 // -1 unknown
}

func gapFrame(stream, id int64, g *gapNote) []byte {
	b := answer(5, kindGap, stream, id)
	b = codec.AppendInt(b, int64(g.cause))
	b = appendText(b, g.epoch)
	b = codec.AppendInt(b, g.after)
	b = codec.AppendInt(b, g.to)
	if g.count < 0 {
		return codec.AppendNil(b)
	}
	return codec.AppendInt(b, g.count)
}

func memberFrame(stream int64, topic string, joined bool, m Member) []byte {
	b := header(make([]byte, 0, 96), 8, kindMember)
	b = codec.AppendString(codec.AppendInt(b, stream), topic)
	b = codec.AppendBool(b, joined)
	b = codec.AppendBytes(b, m.Client[:])
	b = codec.AppendString(b, m.User)
	return codec.AppendTime(b, m.Since)
}

func memberListFrame(stream, id int64, members []Member) []byte {
	b := codec.AppendArray(answer(1, kindMemberList, stream, id), len(members))
	for _, m := range members {
		b = codec.AppendArray(b, 3)
		b = codec.AppendBytes(b, m.Client[:])
		b = codec.AppendString(b, m.User)
		b = codec.AppendTime(b, m.Since)
	}
	return b
}

// Member is a client that is subscribed to a topic whose rule keeps members.
type Member struct {
	// Client is the member.
	Client transport.ID
	// User is who the client acted for when it joined.
	User string
	// Since is when it joined, by the server's clock.
	Since time.Time
}
