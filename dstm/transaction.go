package dstm

import (
	"context"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Transaction is a transaction with a name, whose function takes its arguments as a value: so it can be stored, and run again by
// another process, which a closure cannot. A client that has a Storage keeps what is submitted until it is decided.
type Transaction[In any] struct{ named }

// Named is a [Transaction] of whatever arguments.
type Named interface{ definition() *named }

// named is what all transactions with a name have in common.
type named struct {
	name     string
	attempts int
	metadata codec.Raw
	run      func(tx *Tx, arguments codec.Raw) error
}

func (n *named) definition() *named { return n }

// NewTransaction names a function. The name must stay the same over versions of the program, as must the meaning of stored arguments;
// In travels by codec.Marshal. fn must have no effect but through tx, may run several times and in a later process, and must not wait:
// it must not call [Tx.Retry], nor Submit. [Tx.InNamed] leads to the other objects.
//
// Of the options MaxAttempts and Metadata count: after how many conflicts the transaction goes to the [Inbox] (1: after the first), and
// what travels with each. It panics on a name that is no object name either, and on metadata that is too large: mistakes of the program.
func NewTransaction[In any](name string, fn func(tx *Tx, in In) error, opts ...UpdateOption) *Transaction[In] {
	if !txn.ValidName(name) || fn == nil {
		panic("dstm: a named transaction needs a name of 1 to 255 bytes and a function")
	}
	var options updateOptions
	for _, opt := range opts {
		opt(&options)
	}
	metadata, err := encodeMetadata(options.metadata)
	if err != nil {
		panic("dstm: " + err.Error())
	}
	if options.maxAttempts < 1 {
		options.maxAttempts = DefaultAttempts
	}
	t := &Transaction[In]{named{name: name, attempts: options.maxAttempts, metadata: metadata}}
	t.run = func(tx *Tx, arguments codec.Raw) error {
		var in In
		if err := codec.Unmarshal(arguments, &in); err != nil {
			return status.New(status.InvalidArgument, ErrType, "the arguments do not fit %T", in).Because(err)
		}
		return fn(tx, in)
	}
	return t
}

// Submit runs the transaction on o, an object of a client whose options name it, and returns when it is stored; it shows at once, and is sent as soon
// as possible, after a restart too. See [Work] for what becomes of it.
//
// The error of the function's first run is returned, and nothing is kept. ErrBusy: MaxPending works or 16 MiB wait, the inbox
// included. When ctx ends before it is stored, the work goes on and is returned with the error.
func (t *Transaction[In]) Submit(ctx context.Context, o Object, in In) (*Work, error) {
	return t.SubmitAll(ctx, []Object{o}, in)
}

// SubmitAll is Submit on several objects of one log, as [UpdateAll] is Update: the function gets the Tx of the first. While they are not
// as they were at one position of their log, or if the function read own unanswered writes in strict objects, the work is stored, but runs, and shows, later.
func (t *Transaction[In]) SubmitAll(ctx context.Context, objects []Object, in In) (*Work, error) {
	each, _, err := distinct(objects)
	if err != nil {
		return nil, err
	}
	c, ok := each[0].origin.home().(*Client)
	if !ok {
		return nil, status.New(status.InvalidArgument, ErrInvalid, "a transaction with a name is submitted to a client's object")
	}
	arguments, err := encodeArguments(in)
	if err != nil {
		return nil, err
	}
	return c.submitNamed(ctx, &t.named, handlesOf(each), arguments)
}

// encodeArguments is the canonical form of a transaction's arguments.
func encodeArguments(in any) (codec.Raw, error) {
	raw, err := codec.Marshal(in)
	if err == nil {
		raw, err = codec.Canonical(nil, raw)
	}
	switch {
	case err != nil:
		return nil, status.New(status.InvalidArgument, ErrInvalid, "arguments of type %T cannot be stored", in).Because(err)
	case len(raw) > txn.MaxBytes:
		return nil, status.New(status.ResourceExhausted, ErrTooLarge, "the arguments have %d bytes, more than %d", len(raw), txn.MaxBytes)
	}
	return raw, nil
}

// InNamed is [Tx.In] by the object's name: a transaction that runs in a later process has no Object at hand.
func (tx *Tx) InNamed(object string) *Tx {
	for _, facet := range tx.facets {
		if facet.view.object == object {
			return facet
		}
	}
	tx.fail(status.New(status.InvalidArgument, ErrInvalid, "%q is not among the transaction's objects", object))
	return tx
}
