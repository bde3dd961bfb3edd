package transport_test

import (
	"context"
	"fmt"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// greeter is a pattern of the user's own: the client sends a name (kind 1), the server
// answers with a greeting (kind 2) in the same stream.
type greeter struct{ greetings chan string }

const (
	kindName     = 1
	kindGreeting = 2
)

func (g greeter) Name() string { return "greeter" }

func (g greeter) Attach(s *transport.Session) (transport.Receiver, error) {
	number, _ := s.Number(g.Name()) // the server has given it one from 16 on
	return &greeterSession{g, s, number}, nil
}

type greeterSession struct {
	greeter
	session *transport.Session
	number  int
}

func (g *greeterSession) Receive(f transport.Frame) error {
	value := f.Body.String()
	if err := f.Body.Err(); err != nil {
		return status.New(status.InvalidArgument, "greeter.malformed", "a string was expected").Because(err)
	}
	switch {
	case f.Kind == kindName && g.session.Server():
		return g.session.TrySend(greeterFrame(g.number, kindGreeting, "hello "+value))
	case f.Kind == kindGreeting && !g.session.Server():
		g.greetings <- value
		return nil
	}
	return status.New(status.Unimplemented, "greeter.kind", "unknown kind %d", f.Kind)
}

func (g *greeterSession) Close(err error) {}

func greeterFrame(number, kind int, value string) []byte {
	b := transport.AppendHeader(nil, 4, number, kind)
	b = codec.AppendInt(b, 0) // one stream
	return codec.AppendString(b, value)
}

// A fourth pattern, written outside of the repository, shares the connection
// with the other three.
func Example_pattern() {
	server := transport.NewServer(nil, greeter{})
	defer server.Close(context.Background())

	mine := greeter{greetings: make(chan string, 1)}
	client, err := transport.Dial(context.Background(), "", &transport.ClientOptions{Dialer: server.Pipe()}, mine)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	session := client.Session()
	number, _ := session.Number("greeter")
	if err := session.TrySend(greeterFrame(number, kindName, "world")); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(number, <-mine.greetings)
	// Output: 16 hello world
}
