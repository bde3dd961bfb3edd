package dstm

import (
	"math/bits"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
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

// appendOpened appends an opened frame; without root the object continues at its resume point.
func appendOpened(b []byte, log string, request int64, object string, at storeResume, root *engine.Object) []byte {
	b = transport.AppendHeader(b, 10, transport.NumberDSTM, frameOpened)
	b = codec.AppendString(b, log)
	b = codec.AppendInt(b, request)
	b = appendState(b, object, &at)
	if root == nil {
		return codec.AppendNil(b)
	}
	return root.Root.AppendValue(b)
}

func appendReset(b []byte, log, object, epoch string, o *engine.Object, reason string) []byte {
	at := stateOf(epoch, o)
	b = transport.AppendHeader(b, 10, transport.NumberDSTM, frameReset)
	b = codec.AppendString(b, log)
	b = appendState(b, object, &at)
	return codec.AppendString(o.Root.AppendValue(b), reason)
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
	b = transport.AppendHeader(b, 10, transport.NumberDSTM, frameChange)
	b = codec.AppendString(b, log)
	b = codec.AppendInt(b, int64(e.Position))
	b = codec.AppendBytes(b, e.Hash[:8])
	b = codec.AppendTime(b, time.Unix(0, e.Time))
	b = codec.AppendBytes(b, e.Client[:])
	b = codec.AppendInt(b, int64(e.Sequence))
	b = codec.AppendArray(b, bits.OnesCount32(mask))
	for i := range e.Parts {
		if mask&(1<<i) != 0 {
			b = append(b, e.Parts[i].Raw...)
		}
	}
	return txn.AppendOptional(b, e.Metadata)
}

// refusalError is a refusal as it travels.
func refusalError(r *engine.Refusal) *status.Error {
	return &status.Error{Code: r.Code, Reason: r.Reason, Message: r.Message, Unknown: r.Unknown}
}
