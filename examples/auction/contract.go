package main

import (
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
)

// Cents is money. Integers only: nothing here ever meets a float.
type Cents = int64

// Millis is a moment of the house's clock: milliseconds since 1970.
type Millis = int64

// What pages, robots and server agree on. README.md has it in words, web/src the other half.
var (
	askClock     = rpc.NewMethod[struct{}, Now]("clock")
	askMe        = rpc.NewMethod[struct{}, Person]("me")
	listLots     = rpc.NewMethod[struct{}, []Card]("lots.list")
	lotHistory   = rpc.NewMethod[LotName, []Point]("lots.history")
	openLot      = rpc.NewMethod[NewLot, Card]("lots.open")
	cancelLot    = rpc.NewMethod[LotName, Card]("lots.cancel")
	setProxy     = rpc.NewMethod[Proxy, ProxyState]("proxy.set")
	findPeople   = rpc.NewMethod[People, []Person]("people.find")
	findReceipts = rpc.NewMethod[[]Receipt, []Found]("receipts.find")
	runCheck     = rpc.NewMethod[struct{}, Report]("audit.check")

	prices = pubsub.NewTopic[Card]("prices.{lot}")
	hammer = pubsub.NewTopic[Card]("hammer")
	bell   = pubsub.NewTopic[Ring]("bell")
)

// Paths of the object lot/{id}. Clients write the first four, only the server the others.
var (
	lotPrice  = dstm.NewVar[Cents]("price")
	lotLeader = dstm.NewVar[string]("leader")
	lotBids   = dstm.NewVar[int64]("bids")
	lotDue    = dstm.NewVar[bool]("due", "{user}")

	lotTitle  = dstm.NewVar[string]("title")
	lotText   = dstm.NewVar[string]("text")
	lotSeller = dstm.NewVar[string]("seller")
	lotState  = dstm.NewVar[string]("state")
	lotStart  = dstm.NewVar[Cents]("start")
	lotStep   = dstm.NewVar[Cents]("step")
	lotOpened = dstm.NewVar[Millis]("opened")
	lotEnds   = dstm.NewVar[Millis]("ends")
	lotClosed = dstm.NewVar[Millis]("closed")
	lotPaused = dstm.NewVar[int64]("paused") // how long the house had been closed in all when ends was set, in milliseconds
	lotJudged = dstm.NewVar[int64]("judged") // how many bids have been looked at for an extension
)

// Paths of the object account/{user}.
var (
	available = dstm.NewVar[Cents]("available")
	heldFor   = dstm.NewVar[Cents]("held", "{lot}")
	maximum   = dstm.NewVar[Cents]("maxima", "{lot}")
	spent     = dstm.NewVar[Cents]("spent")
	earned    = dstm.NewVar[Cents]("earned")
)

// The states of a lot.
const (
	stateOpen      = "open"
	stateSold      = "sold"
	stateUnsold    = "unsold"
	stateCancelled = "cancelled"
)

// The roles of people; "" is a visitor.
const (
	roleBidder     = "bidder"
	roleSeller     = "seller"
	roleAuctioneer = "auctioneer"
)

// maxAmount is the most that anything may cost.
const maxAmount Cents = 100_000_000_000

func lotObject(lot string) string      { return "lot/" + lot }
func accountObject(user string) string { return "account/" + user }

// Now is the house's time.
type Now struct {
	Now Millis `json:"now"`
}

// Person is somebody with an account.
type Person struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Role  string `json:"role"`
	Robot bool   `json:"robot"`
}

// People asks for persons by their ids.
type People struct {
	IDs []string `json:"ids"`
}

// LotName names a lot.
type LotName struct {
	Lot string `json:"lot"`
}

// Card is a lot as lists show it.
type Card struct {
	ID         string `json:"id"`
	Title      string `json:"title"`
	Seller     string `json:"seller"`
	SellerName string `json:"sellerName"`
	State      string `json:"state"`
	Start      Cents  `json:"start"`
	Step       Cents  `json:"step"`
	Price      Cents  `json:"price"` // 0 without bids
	Next       Cents  `json:"next"`  // the least that the next bid may be
	Leader     string `json:"leader"`
	LeaderName string `json:"leaderName"`
	Bids       int64  `json:"bids"`
	Opened     Millis `json:"opened"`
	Ends       Millis `json:"ends"`
	Closed     Millis `json:"closed"` // 0 while open
	Version    uint64 `json:"version"`
}

// Point is a bid as the price chart shows it.
type Point struct {
	At         Millis `json:"at"`
	Price      Cents  `json:"price"`
	Leader     string `json:"leader"`
	LeaderName string `json:"leaderName"`
	Bids       int64  `json:"bids"`
}

// NewLot asks for a lot to be opened. Step 0 leaves it to the house.
type NewLot struct {
	Title   string `json:"title"`
	Text    string `json:"text"`
	Start   Cents  `json:"start"`
	Step    Cents  `json:"step"`
	Seconds int64  `json:"seconds"`
}

// Proxy asks the house to bid for its author, up to Max; 0 ends that.
type Proxy struct {
	Lot string `json:"lot"`
	Max Cents  `json:"max"`
}

// ProxyState is what has become of a Proxy at once.
type ProxyState struct {
	Leading bool  `json:"leading"`
	Price   Cents `json:"price"`
	Max     Cents `json:"max"`
}

// Ring is a line of the ticker.
type Ring struct {
	Lot  string `json:"lot"`
	Text string `json:"text"` // "opened", "extended" or "cancelled"
}

// Receipt is a bid that was acknowledged to its bidder: the commit of its transaction.
type Receipt struct {
	Lot      string `json:"lot"`
	Amount   Cents  `json:"amount"`
	Epoch    string `json:"epoch"`
	Position uint64 `json:"position"`
}

// Found says what the log holds of a Receipt.
type Found struct {
	Found bool   `json:"found"`
	Why   string `json:"why"` // why not, "" if found
}

// Report is the outcome of a self-check.
type Report struct {
	OK           bool      `json:"ok"`
	Lines        []string  `json:"lines"`
	Acknowledged int       `json:"acknowledged"`
	Accounted    int       `json:"accounted"`
	Missing      []Missing `json:"missing"`
	Minted       Cents     `json:"minted"`
	Total        Cents     `json:"total"`
	Position     uint64    `json:"position"`
	Millis       int64     `json:"ms"`
}

// Missing is an acknowledged bid that the log does not hold.
type Missing struct {
	Lot      string `json:"lot"`
	User     string `json:"user"`
	Amount   Cents  `json:"amount"`
	Position uint64 `json:"position"`
	Why      string `json:"why"`
}
