package transport

import (
	"net"
	"slices"
	"testing"
	"time"
)

// deadlines is a connection that notes which deadlines it is given, in seconds; 0 is none.
type deadlines struct {
	net.Conn
	given []int64
}

func (d *deadlines) note(t time.Time) error {
	n := int64(0)
	if !t.IsZero() {
		n = t.Unix()
	}
	d.given = append(d.given, n)
	return nil
}

func (d *deadlines) SetDeadline(t time.Time) error      { return d.note(t) }
func (d *deadlines) SetWriteDeadline(t time.Time) error { return d.note(t) }

// What takes away a deadline for writes reaches the connection if there is one, whoever set it.
func TestWriteDeadlines(t *testing.T) {
	conn := &deadlines{}
	c := &tap{Conn: conn}
	at, none := time.Unix(5, 0), time.Time{}
	for _, step := range []struct {
		set  func(time.Time) error
		to   time.Time
		want []int64
	}{
		{c.SetWriteDeadline, none, nil},
		{c.SetWriteDeadline, at, []int64{5}},
		{c.SetWriteDeadline, at, []int64{5}},
		{c.SetWriteDeadline, none, []int64{0}},
		{c.SetWriteDeadline, none, nil},
		{c.SetDeadline, at, []int64{5}},
		{c.SetWriteDeadline, none, []int64{0}},
		{c.SetDeadline, at, []int64{5}},
		{c.SetDeadline, none, []int64{0}}, // reads may have one
		{c.SetWriteDeadline, none, nil},
	} {
		conn.given = nil
		if err := step.set(step.to); err != nil || !slices.Equal(conn.given, step.want) {
			t.Fatalf("to %v: the connection was given %v, not %v", step.to, conn.given, step.want)
		}
	}
}
