package rpc

import (
	"context"
	"log/slog"

	"github.com/trefoilgo/trefoil/transport"
)

// PeerOptions configure a [Peer]. The zero value and nil are good.
type PeerOptions struct {
	// MaxConcurrent bounds the calls of one session that are handled, or wait to be, at once; one more is answered
	// [ErrBusy]. It bounds the memory of a session's calls too: as many inputs, each as large as the server's MaxFrame allows, and twice as many
	// results that wait for a caller that is slow to read, each as large as the caller's. With the defaults (64 calls, frames of 4 MiB) that is up to
	// 256 MiB of inputs for one hostile session: where clients are not trusted lower one or the other. Default 64.
	MaxConcurrent int
	// Serving wraps every call that comes in, the first interceptor outermost, before
	// the input is decoded. Calls of unknown methods and beyond MaxConcurrent do not get that far.
	Serving []Interceptor
	// Calling wraps every call that goes out, the first interceptor outermost, after the input is encoded.
	Calling []Interceptor
	// Storage keeps calls that are [Queued] over a restart; it is that of transport.ClientOptions. Default: memory.
	Storage transport.Storage
	// QueueLength and QueueBytes bound what is queued; one more fails at once with [ErrBusy]. Defaults 256 and 1 MiB.
	QueueLength, QueueBytes int
	// Logger receives panics of handlers, inline handlers that wait, and a Storage that fails; default slog.Default().
	Logger *slog.Logger
}

// HandleOption changes how one method is handled.
type HandleOption interface{ setHandle(*method) }

// Inline runs the handler on the goroutine that reads the connection, which saves a
// hand-over between goroutines. It is for handlers that never wait: while one runs, nothing else of its session is
// read. One that takes longer than 1 ms again and again is logged, once.
var Inline HandleOption = inline{}

type inline struct{}

func (inline) setHandle(m *method) { m.inline = true }

// Authorize has allow decide about each call of the method, after the interceptors and before the input is
// decoded. A [status.Error] that it returns reaches the caller as it is; any other error denies the call with
// permission_denied, [ErrDenied]. Given several times, all must agree.
func Authorize(allow func(ctx context.Context, info Info) error) HandleOption {
	return authorize(allow)
}

type authorize func(ctx context.Context, info Info) error

func (a authorize) setHandle(m *method) { m.authorize = append(m.authorize, a) }

// CallOption changes one call.
type CallOption interface{ setCall(*callOptions) }

type callOptions struct {
	metadata Metadata
	reply    *Metadata
	wait     bool

	idempotent, queued bool
}

// options is a function of its own so that a call without options does not pay for the interface calls.
func options(opts []CallOption) *callOptions {
	o := new(callOptions)
	for _, opt := range opts {
		opt.setCall(o)
	}
	return o
}

// WaitReady makes a call wait for a connection until ctx is done, where it would fail at once with [ErrNotConnected];
// also if the connection ends before the call was handed to it. A call that may have been sent is not sent again.
func WaitReady() CallOption { return waitReady{} }

type waitReady struct{}

func (waitReady) setCall(o *callOptions) { o.wait = true }

// Idempotent says that running the call twice does no more than running it once, which [Queued] demands.
func Idempotent() CallOption { return idempotent{} }

type idempotent struct{}

func (idempotent) setCall(o *callOptions) { o.idempotent = true }

// Queued keeps an [Idempotent] call of a client until it was answered: without a session it waits for one, and if a session ends before the answer, or the
// server has no time for it (any code unavailable, and [ErrBusy]), it is sent again; so its handler may run twice. Such calls go in order,
// one after another, each when the one before was answered.
//
// With [PeerOptions.Storage] that goes on in a later process, where nobody hears of the result: a refusal is logged. When ctx ends, by its deadline too, the call is
// taken back: what is to outlive the process needs a ctx that does not end with it. If the client is closed first, the
// call fails with [ErrNotConnected]; the outcome is unknown where it is stored, for it is still to be sent.
func Queued() CallOption { return queued{} }

type queued struct{}

func (queued) setCall(o *callOptions) { o.queued = true }

// WithMetadata sends md with the call. md must not change until the call has returned.
func WithMetadata(md Metadata) CallOption { return withMetadata(md) }

type withMetadata Metadata

func (md withMetadata) setCall(o *callOptions) { o.metadata = Metadata(md) }

// ReplyMetadata stores what came with the answer, result or error, in md; nil if nothing came.
func ReplyMetadata(md *Metadata) CallOption { return replyMetadata{md} }

type replyMetadata struct{ md *Metadata }

func (r replyMetadata) setCall(o *callOptions) { o.reply = r.md }
