package dstm

import (
	"math/bits"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/lens"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// Kinds of frames (docs/PROTOCOL.md, section 8).
const (
	frameOpen      = 1
	frameOpened    = 2
	frameRefused   = 3
	frameReset     = 4
	frameClose     = 5
	frameEnded     = 6
	frameCommit    = 7
	frameCommitted = 8
	frameRejected  = 9
	frameChange    = 10
	framePiece     = 11
	frameCurrent   = 12
	frameHistory   = 13
	frameRevision  = 14
	frameAt        = 15
	frameState     = 16
	frameDone      = 17
)

// Flags of opened and reset frames.
const (
	flagStrict = 1
	flagPieces = 2
)

// storeResume is a resume point: the last state of an object that a client holds.
type storeResume struct {
	given    bool
	epoch    string
	version  uint64
	position uint64
	hash     [8]byte
}

// is reports whether the object is at that very state.
func (r *storeResume) is(o *engine.Object) bool {
	return r.version == o.Version && r.position == o.Position && r.hash == o.Hash
}

// appendState appends object, epoch, version, position and hash.
func appendState(b []byte, object string, r *storeResume) []byte {
	b = codec.AppendString(b, object)
	b = codec.AppendString(b, r.epoch)
	b = codec.AppendInt(b, int64(r.version))
	b = codec.AppendInt(b, int64(r.position))
	return codec.AppendBytes(b, r.hash[:])
}

// stateOf is the resume point of the object as it is.
func stateOf(epoch string, o *engine.Object) storeResume {
	return storeResume{true, epoch, o.Version, o.Position, o.Hash}
}

// storeSnapshot is what opened and reset frames have in common.
type storeSnapshot struct {
	object string
	at     storeResume
	whole  lens.Fragments // the value; nil if none is given, or if it follows in pieces
	shape  codec.Raw      // of whole
	flags  int64
	lens   *lens.Lens
	limits storeLimits
}

// appendOpened appends an opened frame; with none the object continues at its resume point.
func appendOpened(b []byte, log string, request int64, s *storeSnapshot, none bool) []byte {
	b = transport.AppendHeader(b, 14, transport.NumberDSTM, frameOpened)
	b = codec.AppendString(b, log)
	b = codec.AppendInt(b, request)
	b = appendState(b, s.object, &s.at)
	if none {
		b = codec.AppendNil(b)
	} else {
		b = s.whole.AppendValue(b)
	}
	return s.appendRest(b)
}

func appendReset(b []byte, log, reason string, s *storeSnapshot) []byte {
	b = transport.AppendHeader(b, 14, transport.NumberDSTM, frameReset)
	b = codec.AppendString(b, log)
	b = appendState(b, s.object, &s.at)
	b = s.whole.AppendValue(b)
	b = codec.AppendString(b, reason)
	return s.appendRest(b)
}

// appendRest appends shape, flags, readable and limits.
func (s *storeSnapshot) appendRest(b []byte) []byte {
	b = txn.AppendOptional(b, s.shape)
	b = codec.AppendInt(b, s.flags)
	b = s.lens.AppendPaths(b)
	b = codec.AppendMap(b, 3)
	b = codec.AppendInt(codec.AppendString(b, "object"), int64(s.limits.object))
	b = codec.AppendInt(codec.AppendString(b, "operations"), int64(s.limits.operations))
	return codec.AppendInt(codec.AppendString(b, "transaction"), int64(s.limits.transaction))
}

func appendPiece(b []byte, log, object string, last bool, writes []txn.Write) []byte {
	b = transport.AppendHeader(b, 6, transport.NumberDSTM, framePiece)
	b = codec.AppendString(b, log)
	b = codec.AppendString(b, object)
	b = codec.AppendBool(b, last)
	return txn.AppendWrites(b, writes)
}

func appendCurrent(b []byte, log string, position uint64) []byte {
	b = transport.AppendHeader(b, 4, transport.NumberDSTM, frameCurrent)
	b = codec.AppendString(b, log)
	return codec.AppendInt(b, int64(position))
}

func appendRefused(b []byte, request int64, object string, err *status.Error) []byte {
	b = transport.AppendHeader(b, 6, transport.NumberDSTM, frameRefused)
	b = codec.AppendString(b, "")
	b = codec.AppendInt(b, request)
	b = codec.AppendString(b, object)
	return transport.AppendError(b, err)
}

func appendEnded(b []byte, log, object string, err *status.Error) []byte {
	b = transport.AppendHeader(b, 5, transport.NumberDSTM, frameEnded)
	b = codec.AppendString(b, log)
	b = codec.AppendString(b, object)
	return transport.AppendError(b, err)
}

func appendCommitted(b []byte, log string, sequence, position uint64, versions []uint64) []byte {
	b = transport.AppendHeader(b, 6, transport.NumberDSTM, frameCommitted)
	b = codec.AppendString(b, log)
	b = codec.AppendInt(b, int64(sequence))
	b = codec.AppendInt(b, int64(position))
	b = codec.AppendArray(b, len(versions))
	for _, v := range versions {
		b = codec.AppendInt(b, int64(v))
	}
	return b
}

func appendRejected(b []byte, log string, sequence uint64, err *status.Error, conflicts []txn.Conflict) []byte {
	b = transport.AppendHeader(b, 6, transport.NumberDSTM, frameRejected)
	b = codec.AppendString(b, log)
	b = codec.AppendInt(b, int64(sequence))
	b = transport.AppendError(b, err)
	return txn.AppendConflicts(b, conflicts)
}

// appendChange appends the change frame of a commit with the parts of mask.
func appendChange(b []byte, log string, e *engine.Entry, mask uint32) []byte {
	b = appendChangeHead(b, log, e, e.Client, e.Sequence)
	b = codec.AppendArray(b, bits.OnesCount32(mask))
	for i := range e.Parts {
		if mask&(1<<i) != 0 {
			b = append(b, e.Parts[i].Raw...)
		}
	}
	return txn.AppendOptional(b, e.Metadata)
}

func appendChangeHead(b []byte, log string, e *engine.Entry, client engine.ID, sequence uint64) []byte {
	b = transport.AppendHeader(b, 10, transport.NumberDSTM, frameChange)
	b = codec.AppendString(b, log)
	b = codec.AppendInt(b, int64(e.Position))
	b = codec.AppendBytes(b, e.Hash[:8])
	b = codec.AppendTime(b, instant(e.Time))
	b = codec.AppendBytes(b, client[:])
	return codec.AppendInt(b, int64(sequence))
}

// instant is a time of the log.
func instant(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds) }

// appendFiltered appends the change frame of a commit with the parts of mask, each through its lens. A change of which
// nothing is seen has no author, unless it is the receiver's own.
func appendFiltered(b []byte, log string, e *engine.Entry, mask uint32, lenses []*lens.Lens, own bool) []byte {
	client, sequence, metadata := e.Client, e.Sequence, e.Metadata
	seen := false
	var parts []byte
	for i := range e.Parts {
		if mask&(1<<i) == 0 {
			continue
		}
		part := &e.Parts[i]
		writes := lenses[0].Writes(writesOf(part))
		lenses = lenses[1:]
		seen = seen || len(writes) > 0
		parts = codec.AppendArray(parts, 3)
		parts = codec.AppendString(parts, part.Object)
		parts = codec.AppendInt(parts, int64(part.Version))
		parts = txn.AppendWrites(parts, writes)
	}
	if !seen {
		metadata = nil
		if !own {
			client, sequence = engine.ID{}, 0
		}
	}
	b = appendChangeHead(b, log, e, client, sequence)
	b = codec.AppendArray(b, bits.OnesCount32(mask))
	b = append(b, parts...)
	return txn.AppendOptional(b, metadata)
}

// writesOf are the writes of a part of which the ring keeps the encoded form alone.
func writesOf(p *engine.Part) []txn.Write {
	r := codec.NewReader(p.Raw, 1)
	part := r.Array()
	part.Skip()
	part.Skip()
	operations := 0
	writes, _ := txn.ReadWrites(&part, &operations) // it was checked before it was committed
	return writes
}

// refusalError is a refusal as it travels.
func refusalError(r *engine.Refusal) *status.Error {
	return &status.Error{Code: r.Code, Reason: r.Reason, Message: r.Message, Details: r.Details, Unknown: r.Unknown}
}
