package replica

import (
	"slices"
	"time"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// maxQuestions is how many requests of history a session may have under way.
const maxQuestions = 4

// question is a request about the past of an object. It belongs to the session that it is sent in.
type question struct {
	request   uint64
	object    string
	at        bool   // for the state at version to; otherwise for the revisions behind from up to to
	from, to  uint64 // to 0: up to the present
	last      uint64 // the last version told
	asked     bool   // in this session
	forgotten bool   // nobody wants the answer any more, but it counts until it is there
}

// Revision is one commit of an object, as history tells it.
type Revision struct {
	Version  uint64
	Position uint64
	Time     time.Time // the server's
	Client   [16]byte
	User     string
	Sequence uint64
	Writes   []txn.Write // what is readable of them
	Metadata codec.Raw   // nil or a map
}

// History asks for the revisions of an object behind version from up to version to, or to the present one if that is 0: an event
// Revised for each, ascending, and at last one Answered.
func (c *Core) History(object string, from, to uint64) (request uint64) {
	return c.inquire(&question{object: object, from: from, to: to, last: from})
}

// At asks for the state of an object at a version: an event Recalled tells it, or one Answered why not.
func (c *Core) At(object string, version uint64) (request uint64) {
	return c.inquire(&question{object: object, at: true, to: version})
}

func (c *Core) inquire(q *question) uint64 {
	c.request++
	q.request = c.request
	c.questions = append(c.questions, q)
	return q.request
}

// Forget says that nobody waits for the answer to a request any more: no event about it follows.
func (c *Core) Forget(request uint64) {
	q := c.question(request)
	switch {
	case q == nil:
	case q.asked:
		q.forgotten = true
	default:
		c.answered(q)
	}
}

func (c *Core) question(request uint64) *question {
	if i := slices.IndexFunc(c.questions, func(q *question) bool { return q.request == request }); i >= 0 {
		return c.questions[i]
	}
	return nil
}

// answered drops a question.
func (c *Core) answered(q *question) {
	c.questions = slices.DeleteFunc(c.questions, func(x *question) bool { return x == q })
}

// abort ends the questions that were sent in the session that has ended.
func (c *Core) abort() {
	for _, q := range slices.Clone(c.questions) {
		if q.asked {
			c.conclude(q, status.New(status.Unavailable, "dstm.disconnected", "the connection was lost before the answer was complete"))
		}
	}
}

func (c *Core) conclude(q *question, err *status.Error) {
	c.answered(q)
	if !q.forgotten {
		c.emit(Event{Kind: Answered, Object: q.object, Request: q.request, Err: err})
	}
}

// nextQuestion is the one to send next, nil if none may be sent now.
func (c *Core) nextQuestion() *question {
	under := 0
	for _, q := range c.questions {
		if !q.asked {
			return q
		}
		if under++; under == maxQuestions {
			break
		}
	}
	return nil
}

func (q *question) append(b []byte) []byte {
	n, kind := 6, kindHistory
	if q.at {
		n, kind = 5, kindAt
	}
	b = transport.AppendHeader(b, n+1, transport.NumberDSTM, kind)
	b = codec.AppendString(b, "")
	b = codec.AppendInt(b, int64(q.request))
	b = codec.AppendString(b, q.object)
	if !q.at {
		b = codec.AppendInt(b, int64(q.from))
	}
	return codec.AppendInt(b, int64(q.to))
}
