package dstm_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/dstm/internal/witness"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m)) }

var silence = slog.New(slog.DiscardHandler)

// node is a store on a log, behind a server.
type node struct {
	t      testing.TB
	ctx    context.Context
	log    dstm.Log
	store  *dstm.Store
	server *transport.Server
}

func newNode(t testing.TB, log dstm.Log, opts *dstm.StoreOptions, serve *transport.ServerOptions) *node {
	t.Helper()
	if opts == nil {
		opts = &dstm.StoreOptions{}
	}
	if opts.Rules == nil {
		opts.Rules = allowAll
	}
	opts.Logger = silence
	store, err := dstm.NewStore(log, opts)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, ctx: testContext(t), log: log, store: store, server: transport.NewServer(serve, store)}
	t.Cleanup(n.close)
	return n
}

func (n *node) close() {
	n.server.Close(context.Background())
	n.store.Close(context.Background())
}

// entries are all entries of a log.
func entries(t testing.TB, log dstm.Log) [][]byte {
	t.Helper()
	return entriesBehind(t, log, 0)
}

func entriesBehind(t testing.TB, log dstm.Log, after dstm.Position) [][]byte {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	head, err := log.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for e, err := range log.Read(ctx, after) {
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, e.Data); e.Position >= head {
			break
		}
	}
	return all
}

// raw is a client that speaks frames.
type raw struct {
	t        testing.TB
	ctx      context.Context
	node     *node
	conn     *transport.Client
	frames   chan []byte // [kind, body...] of each frame
	gate     chan struct{}
	currents bool // current frames are wanted too
	sequence uint64
	settled  uint64
}

type rawPattern struct{ r *raw }

func (p rawPattern) Name() string { return "dstm" }
func (p rawPattern) Attach(*transport.Session) (transport.Receiver, error) {
	return p, nil
}
func (p rawPattern) Close(error) {}
func (p rawPattern) Receive(f transport.Frame) error {
	if f.Kind == 12 && !p.r.currents {
		return nil
	}
	if p.r.gate != nil {
		select {
		case <-p.r.gate:
		case <-p.r.ctx.Done():
		}
	}
	b := codec.AppendInt(nil, int64(f.Kind))
	b = append(b, f.Stream...)
	p.r.frames <- append(codec.AppendArray(nil, f.Body.Len()+2), append(b, f.Body.Rest()...)...)
	return nil
}

func (n *node) raw(opts *transport.ClientOptions) *raw {
	return n.rawGated(opts, nil)
}

// rawGated is a client that takes a frame from its connection only as gate allows.
func (n *node) rawGated(opts *transport.ClientOptions, gate chan struct{}) *raw {
	n.t.Helper()
	if opts == nil {
		opts = &transport.ClientOptions{}
	}
	opts.Dialer = n.server.Pipe()
	r := &raw{t: n.t, ctx: n.ctx, node: n, frames: make(chan []byte, 10_000), gate: gate}
	conn, err := transport.Dial(n.ctx, "pipe:", opts, rawPattern{r})
	if err != nil {
		n.t.Fatal(err)
	}
	r.conn = conn
	n.t.Cleanup(func() {
		if gate != nil {
			close(gate)
		}
		conn.Close()
	})
	return r
}

func (r *raw) send(frame []byte) {
	r.t.Helper()
	s := r.conn.Session()
	if s == nil {
		r.t.Fatal("no session")
	}
	if err := s.Send(r.ctx, frame); err != nil {
		r.t.Fatal(err)
	}
}

// resume is a resume point.
type resume struct {
	epoch             string
	version, position uint64
	hash              []byte
}

func (r *raw) openFrame(request int64, object string, at *resume) []byte {
	b := transport.AppendHeader(nil, 6, transport.NumberDSTM, 1)
	b = codec.AppendString(b, "")
	b = codec.AppendString(codec.AppendInt(b, request), object)
	if at == nil {
		return codec.AppendNil(b)
	}
	b = codec.AppendString(codec.AppendArray(b, 4), at.epoch)
	b = codec.AppendInt(codec.AppendInt(b, int64(at.version)), int64(at.position))
	return codec.AppendBytes(b, at.hash)
}

// state is an object as a frame told it.
type state struct {
	resume
	object   string
	snapshot codec.Raw // nil: none
	reason   string
	shape    codec.Raw // nil: none
	flags    int64
	readable string // JSON
}

// frame waits for the next frame and checks its kind.
func (r *raw) frame(kind int64) codec.Reader {
	r.t.Helper()
	select {
	case f := <-r.frames:
		outer := codec.NewReader(f, 1)
		body := outer.Array()
		if k := body.Int(); k != kind {
			text, _ := codec.ToJSON(nil, f)
			if len(text) > 300 {
				text = text[:300]
			}
			r.t.Fatalf("a frame of kind %d in place of %d: %s", k, kind, text)
		}
		return body
	case <-r.ctx.Done():
		r.t.Fatalf("no frame of kind %d", kind)
	}
	panic("unreachable")
}

func (r *raw) silent() {
	r.t.Helper()
	select {
	case f := <-r.frames:
		text, _ := codec.ToJSON(nil, f)
		r.t.Fatalf("unexpected: %s", text)
	case <-time.After(20 * time.Millisecond):
	}
}

func readState(body *codec.Reader, reset bool) state {
	s := state{object: body.String()}
	s.epoch, s.version, s.position = body.String(), uint64(body.Int()), uint64(body.Int())
	s.hash = body.Bytes()
	if !body.Nil() {
		s.snapshot = body.Raw()
	}
	if reset {
		s.reason = body.String()
	}
	if !body.Nil() {
		s.shape = body.Raw()
	}
	s.flags = body.Int()
	readable, _ := codec.ToJSON(nil, body.Raw())
	s.readable = string(readable)
	return s
}

func (r *raw) open(object string, at *resume) state {
	r.t.Helper()
	r.send(r.openFrame(7, object, at))
	return r.opened()
}

func (r *raw) opened() state {
	r.t.Helper()
	body := r.frame(2)
	if log, request := body.String(), body.Int(); log != "main" || request != 7 {
		r.t.Fatalf("log %q, request %d", log, request)
	}
	s := readState(&body, false)
	if body.Err() != nil {
		r.t.Fatal(body.Err())
	}
	return s
}

// pieces takes the pieces of a snapshot in and returns what they make, and how many there were.
func (r *raw) pieces(object string) (tree.Node, int) {
	r.t.Helper()
	var root tree.Node
	for n := 1; ; n++ {
		body := r.frame(11)
		body.Skip()
		name, last, operations := body.String(), body.Bool(), 0
		writes, err := txn.ReadWrites(&body, &operations)
		if err != nil || name != object {
			r.t.Fatalf("a piece of %q: %v", name, err)
		}
		if root, _, err = txn.Apply(root, writes, 1); err != nil {
			r.t.Fatal(err)
		}
		if last {
			return root, n
		}
	}
}

func (r *raw) reset() state {
	r.t.Helper()
	body := r.frame(4)
	body.Skip()
	return readState(&body, true)
}

// change is a change frame.
type change struct {
	position uint64
	hash     []byte
	client   []byte
	sequence uint64
	parts    []string // object@version
}

func (r *raw) change() change {
	r.t.Helper()
	body := r.frame(10)
	body.Skip()
	c := change{position: uint64(body.Int()), hash: body.Bytes()}
	body.Time()
	c.client, c.sequence = body.Bytes(), uint64(body.Int())
	for parts := body.Array(); parts.Len() > 0; {
		p := parts.Array()
		c.parts = append(c.parts, fmt.Sprintf("%s@%d", p.String(), p.Int()))
	}
	if body.Err() != nil {
		r.t.Fatal(body.Err())
	}
	return c
}

func (r *raw) changed(want string) change {
	r.t.Helper()
	c := r.change()
	if got := fmt.Sprint(c.parts); got != want {
		r.t.Fatalf("changed %s in place of %s", got, want)
	}
	return c
}

// tx makes a transaction of one part.
func (r *raw) tx(object string, base uint64, writes ...txn.Write) *txn.Transaction {
	r.sequence++
	return &txn.Transaction{Sequence: r.sequence, Settled: r.settled, Parts: []txn.Part{{Object: object, Epoch: r.node.store.Epoch(), Base: base, Writes: writes}}}
}

func (r *raw) commitFrame(tx *txn.Transaction) []byte {
	b := transport.AppendHeader(nil, 3+txn.BodyElements, transport.NumberDSTM, 7)
	return tx.AppendBody(codec.AppendString(b, "main"))
}

// answer is a committed or rejected frame.
type answer struct {
	sequence, position uint64
	versions           []uint64
	err                *status.Error
	conflicts          string
}

func (a answer) String() string {
	if a.err != nil {
		return fmt.Sprintf("%d %s %s", a.sequence, a.err.Reason, a.conflicts)
	}
	return fmt.Sprintf("%d %v", a.sequence, a.versions)
}

// answer waits for an answer, passing over changes if skip says so.
func (r *raw) answer(skip bool) answer {
	r.t.Helper()
	for {
		select {
		case f := <-r.frames:
			outer := codec.NewReader(f, 1)
			body := outer.Array()
			kind := body.Int()
			body.Skip()
			var a answer
			switch kind {
			case 8:
				a.sequence, a.position = uint64(body.Int()), uint64(body.Int())
				for list := body.Array(); list.Len() > 0; {
					a.versions = append(a.versions, uint64(list.Int()))
				}
				return a
			case 9:
				a.sequence, a.err = uint64(body.Int()), transport.ReadError(&body)
				if body.Len() > 0 && !body.Nil() {
					text, _ := codec.ToJSON(nil, body.Raw())
					a.conflicts = string(text)
				}
				return a
			}
			if !skip {
				r.t.Fatalf("a frame of kind %d in place of an answer", kind)
			}
		case <-r.ctx.Done():
			r.t.Fatal("no answer")
		}
	}
}

func (r *raw) commit(tx *txn.Transaction) answer {
	r.t.Helper()
	r.send(r.commitFrame(tx))
	return r.answer(true)
}

func (r *raw) want(a answer, want string) {
	r.t.Helper()
	if got := a.String(); got != want {
		r.t.Fatalf("answer %q in place of %q: %v", got, want, a.err)
	}
}

// dead waits for the session to end and returns its close code.
func (r *raw) dead() string {
	r.t.Helper()
	for s := range r.conn.States(r.ctx) {
		if s.Err != nil {
			return string(status.From(s.Err).Reason)
		}
	}
	r.t.Fatal("the session lives")
	return ""
}

func set(v any, keys ...string) txn.Write {
	b, err := codec.Marshal(v)
	if err != nil {
		panic(err)
	}
	return txn.Write{Op: txn.OpSet, Path: keys, Value: b}
}

func absent(keys ...string) txn.Read { return txn.Read{Kind: txn.ReadAbsent, Path: tree.Path(keys)} }

// judge has the witness look at a log and what was recorded.
func judge(t testing.TB, log dstm.Log, r *witness.Recorder) {
	t.Helper()
	if err := r.Check(entries(t, log)); err != nil {
		t.Error(err)
	}
}
