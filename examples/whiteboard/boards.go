package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/status"
)

// Board is a line of the list of boards. What is drawn on it is the object "board/ID".
type Board struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	People  int       `json:"people"` // how many pages show it now
}

// NewName asks for a board of that name, or for a board to be called so.
type NewName struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

// What pages and server agree on, besides the objects; web/src/link.ts has the other half.
var (
	listBoards   = rpc.NewMethod[struct{}, []Board]("boards.list")
	createBoard  = rpc.NewMethod[NewName, Board]("boards.create")
	renameBoard  = rpc.NewMethod[NewName, Board]("boards.rename")
	findBoard    = rpc.NewMethod[string, Board]("boards.find")
	listChanged  = pubsub.NewTopic[string]("boards")
	cursors      = pubsub.NewTopic[any]("cursors.{board}")
	boardName    = dstm.NewVar[string]("boards", "{id}", "name")
	boardCreated = dstm.NewVar[time.Time]("boards", "{id}", "created")
	shapes       = dstm.NewVar[map[string]any]("shapes")
	voters       = dstm.NewVar[map[string]any]("by")
)

// Limits of the list.
const (
	maxBoards = 1000
	maxName   = 80 // characters
)

// boards is the list of boards: an object that only the server writes.
type boards struct {
	objects *dstm.Store
	topics  *pubsub.Hub
	list    dstm.Object
}

// openBoards opens the list, and makes the first board of a new one.
func openBoards(objects *dstm.Store, topics *pubsub.Hub) (*boards, error) {
	ctx := context.Background()
	list, err := objects.Open(ctx, "boards")
	if err != nil {
		return nil, err
	}
	b := &boards{objects: objects, topics: topics, list: list}
	all, err := b.all(ctx)
	if err == nil && len(all) == 0 {
		_, err = b.create(ctx, NewName{Name: "First board"})
	}
	return b, err
}

func (b *boards) close() error { return b.list.Close() }

func (b *boards) handle(calls *rpc.Peer) {
	listBoards.Handle(calls, func(ctx context.Context, _ struct{}) ([]Board, error) { return b.all(ctx) })
	createBoard.Handle(calls, b.create)
	renameBoard.Handle(calls, b.rename)
	findBoard.Handle(calls, b.find)
}

// all lists the boards, the newest first.
func (b *boards) all(ctx context.Context) (all []Board, err error) {
	err = b.list.View(func(tx *dstm.Tx) error {
		for _, id := range tx.Keys("boards") {
			all = append(all, Board{ID: id, Name: boardName.At(id).Get(tx), Created: boardCreated.At(id).Get(tx), People: b.people(ctx, id)})
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b Board) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID)) })
	return all, err
}

func (b *boards) find(ctx context.Context, id string) (board Board, err error) {
	if !validID(id) {
		return board, status.New(status.InvalidArgument, "whiteboard.bad_id", "not the id of a board")
	}
	err = b.list.View(func(tx *dstm.Tx) error {
		if !boardName.At(id).Exists(tx) {
			return noSuchBoard()
		}
		board = Board{ID: id, Name: boardName.At(id).Get(tx), Created: boardCreated.At(id).Get(tx), People: b.people(ctx, id)}
		return nil
	})
	return board, err
}

func (b *boards) create(ctx context.Context, in NewName) (Board, error) {
	name, err := cleanName(in.Name)
	if err != nil {
		return Board{}, err
	}
	board := Board{ID: newID(), Name: name, Created: time.Now()}
	if err := b.prepare(ctx, board.ID); err != nil {
		return Board{}, err
	}
	_, err = b.list.Update(ctx, func(tx *dstm.Tx) error {
		if len(tx.Keys("boards")) >= maxBoards {
			return status.New(status.ResourceExhausted, "whiteboard.too_many", "there are %d boards already", maxBoards)
		}
		boardName.At(board.ID).Set(tx, board.Name)
		boardCreated.At(board.ID).Set(tx, board.Created)
		return nil
	})
	if err != nil {
		return Board{}, err
	}
	b.announce(ctx, board.ID)
	return board, nil
}

// prepare makes the maps that shapes and votes are put into, so that pages which put in the first ones do not depend on each other.
func (b *boards) prepare(ctx context.Context, id string) error {
	board, err := b.objects.Open(ctx, "board/"+id)
	if err != nil {
		return err
	}
	defer board.Close()
	votes, err := b.objects.Open(ctx, "votes/"+id)
	if err != nil {
		return err
	}
	defer votes.Close()
	_, err = dstm.UpdateAll(ctx, []dstm.Object{board, votes}, func(tx *dstm.Tx) error {
		shapes.At().Set(tx, map[string]any{})
		voters.At().Set(tx.In(votes), map[string]any{})
		return nil
	})
	return err
}

func (b *boards) rename(ctx context.Context, in NewName) (Board, error) {
	name, err := cleanName(in.Name)
	if err != nil {
		return Board{}, err
	}
	if !validID(in.ID) {
		return Board{}, status.New(status.InvalidArgument, "whiteboard.bad_id", "not the id of a board")
	}
	_, err = b.list.Update(ctx, func(tx *dstm.Tx) error {
		if !boardName.At(in.ID).Exists(tx) {
			return noSuchBoard()
		}
		boardName.At(in.ID).Overwrite(tx, name)
		return nil
	})
	if err != nil {
		return Board{}, err
	}
	b.announce(ctx, in.ID)
	return b.find(ctx, in.ID)
}

// announce tells all pages that the line of board id is new. The list itself is asked for by a call, so a page that
// misses this sees the change when it next looks.
func (b *boards) announce(ctx context.Context, id string) {
	_, _ = listChanged.At().Publish(ctx, b.topics, id)
}

func (b *boards) people(ctx context.Context, id string) int {
	here, err := b.topics.Members(ctx, cursors.At(id).Topic())
	if err != nil {
		return 0
	}
	return len(here)
}

func noSuchBoard() error {
	return status.New(status.NotFound, "whiteboard.no_board", "there is no such board")
}

// newID makes an id that is short enough to read and long enough not to be guessed.
func newID() string { return strings.ToLower(rand.Text()[:12]) }

func validID(id string) bool {
	return len(id) > 0 && len(id) <= 64 && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// cleanName is name in one line without surrounding space.
func cleanName(name string) (string, error) {
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if name == "" || utf8.RuneCountInString(name) > maxName {
		return "", status.New(status.InvalidArgument, "whiteboard.bad_name", "a board's name has 1 to %d characters", maxName)
	}
	return name, nil
}
