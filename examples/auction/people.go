package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/status"
	"github.com/trefoilgo/trefoil/transport"
)

// person is what the house keeps of somebody.
type person struct {
	Name  string `json:"name"`
	Role  string `json:"role"`
	Robot bool   `json:"robot"`
	Since Millis `json:"since"`
}

// people is who is who, in memory; the object house has it on disk.
type people struct {
	mu     sync.RWMutex
	byID   map[string]person
	tokens map[string]string // hash of a token to the user
}

func (p *people) load(house dstm.Object) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byID, p.tokens = map[string]person{}, map[string]string{}
	return house.View(func(tx *dstm.Tx) error {
		tx.Lookup(&p.byID, "people")
		tx.Lookup(&p.tokens, "tokens")
		return nil
	})
}

func (p *people) get(id string) (person, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	who, ok := p.byID[id]
	return who, ok
}

// name is the name of a user, "" if there is none.
func (p *people) name(id string) string {
	who, _ := p.get(id)
	return who.Name
}

func (p *people) add(id string, who person, token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byID[id] = who
	p.tokens[hashToken(token)] = id
}

// robot is the robot of that name.
func (p *people) robot(name string) (id string, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for id, who := range p.byID {
		if who.Robot && who.Name == name {
			return id, true
		}
	}
	return "", false
}

// holder is whose a token is.
func (p *people) holder(token string) (id string, who person, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if id, ok = p.tokens[hashToken(token)]; ok {
		who, ok = p.byID[id]
	}
	return id, who, ok
}

// hashToken is how tokens are kept: who reads the log cannot log in with what stands there.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// signUp makes an account. All of it is one transaction: the name is taken, the money given out and written down, or nothing is.
func (h *house) signUp(ctx context.Context, name, role string, robot bool, money Cents) (Person, string, error) {
	name, err := cleanLine(name, 40)
	if err != nil {
		return Person{}, "", status.New(status.InvalidArgument, "auction.bad_name", "a name has 1 to 40 characters")
	}
	id, token := newID(), rand.Text()
	who := person{Name: name, Role: role, Robot: robot, Since: h.clock.now()}
	account, err := h.ledger.of(ctx, id)
	if err != nil {
		return Person{}, "", err
	}
	folded := strings.ToLower(name)
	ctx = context.WithoutCancel(ctx) // who is committed must be known here too, whether somebody waits for it or not
	_, err = dstm.UpdateAll(ctx, []dstm.Object{h.object, account}, func(tx *dstm.Tx) error {
		switch {
		case houseNames.At(folded).Exists(tx):
			return status.New(status.AlreadyExists, "auction.name_taken", "somebody is called so already")
		case !tx.GuardLength(dstm.Less, maxPeople, "people"):
			return status.New(status.ResourceExhausted, "auction.full", "the house has no room for more people")
		}
		houseNames.At(folded).Set(tx, id)
		housePeople.At(id).Set(tx, who)
		houseTokens.At(hashToken(token)).Set(tx, id)
		dstm.Add(tx, minted.At(), money)
		mine := tx.In(account)
		available.At().Set(mine, money)
		mine.Set(map[string]any{}, "held") // there from the beginning, so that first bids do not depend on each other
		mine.Set(map[string]any{}, "maxima")
		spent.At().Set(mine, 0)
		earned.At().Set(mine, 0)
		return nil
	})
	if err != nil {
		return Person{}, "", err
	}
	h.people.add(id, who, token)
	return Person{ID: id, Name: name, Role: role, Robot: robot}, token, nil
}

// tokenOf makes a further token for somebody, good until the house closes: robots have no browser to keep one.
func (h *house) tokenOf(id string) string {
	token := rand.Text()
	h.people.mu.Lock()
	h.people.tokens[hashToken(token)] = id
	h.people.mu.Unlock()
	return token
}

// authenticate finds out who a client acts for: by the token alone.
func (h *house) authenticate(_ context.Context, hello *transport.Hello) (transport.Identity, error) {
	value, given := hello.Credentials[""]["token"]
	if !given {
		return transport.Identity{}, nil // a visitor
	}
	token, _ := value.(string)
	id, who, ok := h.people.holder(token)
	if !ok {
		return transport.Identity{}, status.New(status.Unauthenticated, "auction.bad_token", "the house does not know this token")
	}
	return transport.Identity{User: id, Claims: map[string]any{"role": who.Role}}, nil
}

// newID makes an id that is short enough to read and long enough not to be guessed.
func newID() string { return strings.ToLower(rand.Text()[:12]) }

// cleanLine is text in one line without surrounding space, of 1 to most characters. What is not seen and changes how
// the rest is read, such as a mark that turns the direction of writing, is left out.
func cleanLine(text string, most int) (string, error) {
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) && r != '\u200d' { // that one joins emoji
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if text == "" || utf8.RuneCountInString(text) > most {
		return "", status.New(status.InvalidArgument, "auction.bad_text", "1 to %d characters are needed", most)
	}
	return text, nil
}
