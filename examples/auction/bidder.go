package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
	"github.com/trefoilgo/trefoil/rpc"
	"github.com/trefoilgo/trefoil/transport"
)

// bidder is somebody with a client of the usual kind: what a page is, without the page.
type bidder struct {
	id      string
	conn    *transport.Client
	calls   *rpc.Peer
	topics  *pubsub.Client
	objects *dstm.Client
	account dstm.Object
	journal *journal // where what is acknowledged is written down

	mu    sync.Mutex
	lots  map[string]dstm.Object // open ones
	order []string               // the least lately used first
}

// mostLots is how many lots a bidder has open at once.
const mostLots = 8

func newBidder(j *journal) *bidder {
	return &bidder{calls: rpc.NewPeer(nil), topics: pubsub.NewClient(nil), objects: dstm.NewClient(nil), journal: j, lots: map[string]dstm.Object{}}
}

// connect connects the holder of a token; dialer nil is the network.
func connect(ctx context.Context, url, token string, dialer transport.Dialer, j *journal) (_ *bidder, err error) {
	b := newBidder(j)
	b.conn, err = transport.Dial(ctx, url, &transport.ClientOptions{
		Dialer: dialer, Agent: "auction-robot", MaxBackoff: time.Second,
		Credentials: func(context.Context) (map[string]map[string]any, error) {
			return map[string]map[string]any{"": {"token": token}}, nil
		},
	}, b.calls, b.topics, b.objects)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.conn.Close()
		}
	}()
	me, err := askMe.Call(ctx, b.calls, struct{}{})
	if err != nil {
		return nil, err
	}
	b.id = me.ID
	b.account, err = b.objects.Open(ctx, accountObject(b.id))
	return b, err
}

func (b *bidder) close() { b.conn.Close() }

// lot is the object of a lot, opened if it is not. The one that was not used for longest is closed for it.
func (b *bidder) lot(ctx context.Context, id string) (dstm.Object, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, known := range b.order {
		if known == id {
			b.order = append(append(b.order[:i:i], b.order[i+1:]...), id)
			return b.lots[id], nil
		}
	}
	if len(b.order) >= mostLots {
		b.lots[b.order[0]].Close()
		delete(b.lots, b.order[0])
		b.order = b.order[1:]
	}
	o, err := b.objects.Open(ctx, lotObject(id))
	if err != nil {
		return nil, err
	}
	b.lots[id] = o
	b.order = append(b.order, id)
	return o, nil
}

// bid bids, and writes an acknowledged bid down; see the function of that name.
func (b *bidder) bid(ctx context.Context, lot string, amount func(next Cents) Cents) (Cents, error) {
	o, err := b.lot(ctx, lot)
	if err != nil {
		return 0, err
	}
	commit, offer, err := bid(ctx, o, b.account, b.id, amount)
	if err == nil {
		b.journal.add(b.id, lot, offer, commit)
	}
	return offer, err
}

// free is how much money is not set aside.
func (b *bidder) free() (cents Cents) {
	_ = b.account.View(func(tx *dstm.Tx) error { cents = available.At().Get(tx); return nil })
	return cents
}

// lost reports whether a bid was refused because of how the lot or the account is, which is no failure.
func lost(err error) bool {
	for _, known := range []error{errClosed, errLow, errLeading, errOwnLot, errMoney} {
		if errors.Is(err, known) {
			return true
		}
	}
	return errors.Is(err, dstm.ErrConflict)
}
