package dstm

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/lens"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// scriptedSession is a client's session whose server the test is.
type scriptedSession struct{ sent chan []byte }

func (s *scriptedSession) Client() transport.ID         { return transport.ID{1} }
func (s *scriptedSession) Identity() transport.Identity { return transport.Identity{} }
func (s *scriptedSession) Context() context.Context     { return context.Background() }
func (s *scriptedSession) TrySend(frame []byte) error {
	s.sent <- append([]byte(nil), frame...)
	return nil
}
func (s *scriptedSession) TrySendShared(*transport.Shared) error { return errors.ErrUnsupported }
func (s *scriptedSession) Send(context.Context, []byte) error    { return errors.ErrUnsupported }
func (s *scriptedSession) AfterDrain(func())                     {}
func (s *scriptedSession) MaxFrame() int                         { return 1 << 20 }
func (s *scriptedSession) JSON() bool                            { return false }
func (s *scriptedSession) Close(transport.CloseCode, string)     {}

// sequence is that of the transaction sent next.
func (s *scriptedSession) sequence() uint64 {
	f := parsedFrame(<-s.sent)
	return uint64(f.Body.Int())
}

func parsedFrame(b []byte) transport.Frame {
	outer := codec.NewReader(b, 1)
	body := outer.Array()
	body.Skip()
	f := transport.Frame{Kind: int(body.Int()), Stream: body.Raw()}
	f.Body = body
	return f
}

// What conflicts while a state that the conflict is about comes in pieces runs again when that is whole.
func TestRunsAgainOnTheWhole(t *testing.T) {
	for name, end := range map[string]func(c *Client, r transport.Receiver){
		"the last piece": nil,
		"the connection": func(_ *Client, r transport.Receiver) { r.Close(nil) },
		"the client":     func(c *Client, _ transport.Receiver) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := NewClient(nil)
				defer c.Close()
				session := &scriptedSession{make(chan []byte, 100)}
				receiver := c.attach(session)
				give := func(frame []byte) {
					t.Helper()
					if err := receiver.Receive(parsedFrame(frame)); err != nil {
						t.Fatal(err)
					}
				}
				var o Object
				go func() { o, _ = c.Open(t.Context(), "o") }()
				synctest.Wait()
				<-session.sent
				at := func(version uint64) storeResume {
					return storeResume{true, "e", version, version + 1, [8]byte{byte(version)}}
				}
				var all *lens.Lens
				root := func(value any) *tree.Node {
					raw, _ := codec.Marshal(value)
					n, err := tree.New(raw, nil, 1, 0)
					if err != nil {
						t.Fatal(err)
					}
					return &n
				}
				give(appendOpened(nil, "main", 1, &storeSnapshot{object: "o", at: at(1), whole: all.Of(root(map[string]any{"x": 1}))}, false))
				give(appendCurrent(nil, "main", 2))
				synctest.Wait()

				var saw []int
				done := make(chan error, 1)
				x := NewVar[int]("x")
				go func() {
					_, err := o.Update(t.Context(), func(tx *Tx) error {
						saw = append(saw, x.At().Get(tx))
						x.At().Set(tx, 100)
						return nil
					})
					done <- err
				}()
				sequence := session.sequence()
				give(appendReset(nil, "main", "behind", &storeSnapshot{object: "o", at: at(5), whole: all.Of(root(map[string]any{})), flags: flagPieces}))
				give(appendRejected(nil, "main", sequence, status.New(status.Aborted, ErrConflict, "x"), []txn.Conflict{{Path: tree.Path{"x"}}}))
				synctest.Wait()
				if len(saw) != 1 {
					t.Fatalf("it ran again on %v, before the state was whole", saw)
				}
				if end != nil {
					end(c, receiver)
					synctest.Wait()
					if name == "the client" {
						if err := <-done; !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
					} else if len(saw) != 2 {
						t.Errorf("it saw %v, and still waits for what comes no more", saw)
					}
					return
				}
				raw, _ := codec.Marshal(5)
				give(appendPiece(nil, "main", "o", true, []txn.Write{{Op: txn.OpSet, Path: tree.Path{"x"}, Value: raw}}))
				give(appendCurrent(nil, "main", 6))
				synctest.Wait()
				if len(saw) != 2 || saw[1] != 5 {
					t.Fatalf("it saw %v", saw)
				}
				sequence = session.sequence()
				give(appendChange(nil, "main", entryOf(6, 7, sequence), 1))
				give(appendCommitted(nil, "main", sequence, 7, []uint64{6}))
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// entryOf is the entry that sets x to 100.
func entryOf(version, position, sequence uint64) *engine.Entry {
	raw, _ := codec.Marshal(100)
	part := codec.AppendInt(codec.AppendString(codec.AppendArray(nil, 3), "o"), int64(version))
	part = txn.AppendWrites(part, []txn.Write{{Op: txn.OpSet, Path: tree.Path{"x"}, Value: raw}})
	e := &engine.Entry{Position: position, Client: engine.ID{1}, Sequence: sequence}
	e.Parts = []engine.Part{{Object: "o", Version: version, Raw: part}}
	return e
}
