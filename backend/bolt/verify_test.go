package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/trefoilgo/trefoil/dstm"
)

// acknowledged is what a task has said.
type acknowledged struct{ head, pieces, base dstm.Position }

// hear takes one line of what a task says.
func (a *acknowledged) hear(line string) {
	var what string
	var p dstm.Position
	if n, _ := fmt.Sscanf(line, "%s %d", &what, &p); n != 2 {
		return
	}
	switch what {
	case "head", "read":
		a.head = max(a.head, p)
	case "pieces":
		a.pieces = p
	case "base":
		a.base = p
	}
}

// verifyOnly is verify without the head.
func (a acknowledged) verifyOnly(path string) error {
	_, err := a.verify(path)
	return err
}

// verify opens the file of a task and checks that it holds everything that was acknowledged, only whole batches, and
// nothing that was never written. It returns the head.
func (a acknowledged) verify(path string) (head dstm.Position, err error) {
	s, err := Open(path, nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := s.Log("main")
	if err != nil {
		return 0, err
	}
	ctx := context.Background()
	if head, err = l.Head(ctx); err != nil {
		return 0, err
	}
	at, err := verifyPieces(l)
	if err != nil {
		return head, err
	}
	if head < a.head || at < a.pieces {
		return head, fmt.Errorf("head %d, pieces at %d: acknowledged were %+v", head, at, a)
	}
	boundary := dstm.Position(0)
	for boundary < head {
		boundary += dstm.Position(sizeBehind(boundary))
	}
	if boundary != head {
		return head, fmt.Errorf("head %d is in the middle of a batch", head)
	}
	return head, verifyEntries(l, at, head)
}

// verifyPieces checks that the pieces are one whole group, and returns its position; 0 if there is none.
func verifyPieces(l dstm.Log) (at dstm.Position, err error) {
	var found []dstm.Piece
	for p, err := range l.List(context.Background(), "", "") {
		if err != nil {
			return 0, err
		}
		if p.Key == dstm.RestoredKey {
			continue
		}
		found, at = append(found, p), p.Position
	}
	if len(found) == 0 {
		return 0, nil
	}
	want := map[string][]byte{"small": dataAt(at), "large": largeAt(at), onlyAt(at): {}}
	for _, p := range found {
		if value, ok := want[p.Key]; !ok || p.Position != at || !bytes.Equal(value, p.Value) {
			return 0, fmt.Errorf("the piece %q at %d of %d bytes is not one of the group at %d", p.Key, p.Position, len(p.Value), at)
		}
	}
	if len(found) != len(want) {
		return 0, fmt.Errorf("%d of the %d pieces at %d are there", len(found), len(want), at)
	}
	return at, nil
}

func verifyEntries(l dstm.Log, after, head dstm.Position) error {
	if after == head {
		return nil
	}
	for e, err := range l.Read(context.Background(), after) {
		if err != nil {
			return err
		}
		if !bytes.Equal(e.Data, dataAt(e.Position)) {
			return fmt.Errorf("entry %d holds %.40q", e.Position, e.Data)
		}
		if e.Position == head {
			break
		}
	}
	return nil
}
