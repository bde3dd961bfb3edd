package main

import (
	"maps"

	"github.com/trefoilgo/trefoil/dstm"
)

// lotView is a lot as one transaction sees it. Reading all of it makes the transaction depend on all of it.
type lotView struct {
	Title  string          `json:"title"`
	Text   string          `json:"text"`
	Seller string          `json:"seller"`
	State  string          `json:"state"`
	Start  Cents           `json:"start"`
	Step   Cents           `json:"step"`
	Price  Cents           `json:"price"`
	Leader string          `json:"leader"`
	Bids   int64           `json:"bids"`
	Opened Millis          `json:"opened"`
	Ends   Millis          `json:"ends"`
	Closed Millis          `json:"closed"`
	Paused int64           `json:"paused"`
	Judged int64           `json:"judged"`
	Due    map[string]bool `json:"due"`
}

func lotAt(tx *dstm.Tx) (lot lotView) {
	tx.Lookup(&lot)
	if lot.Due == nil {
		lot.Due = map[string]bool{}
	}
	return lot
}

// next is the least that the next bid may be.
func (l *lotView) next() Cents {
	if l.Bids == 0 {
		return l.Start
	}
	return l.Price + l.Step
}

// accountView is an account as one transaction sees it.
type accountView struct {
	Available Cents            `json:"available"`
	Held      map[string]Cents `json:"held"`
	Maxima    map[string]Cents `json:"maxima"`
	Spent     Cents            `json:"spent"`
	Earned    Cents            `json:"earned"`
}

func accountAt(tx *dstm.Tx) (a accountView) {
	tx.Lookup(&a)
	if a.Held == nil {
		a.Held = map[string]Cents{}
	}
	return a
}

// worth is all that belongs to the account, set aside or not.
func (a *accountView) worth() (sum Cents) {
	sum = a.Available
	for cents := range maps.Values(a.Held) {
		sum += cents
	}
	return sum
}

// lawful says that no part of an account is below zero.
func (a *accountView) lawful() error {
	if a.Available < 0 || a.Spent < 0 || a.Earned < 0 {
		return broken("money", "nobody has less than nothing")
	}
	for cents := range maps.Values(a.Held) {
		if cents <= 0 || cents > maxAmount {
			return broken("money", "escrow is more than nothing, or not there")
		}
	}
	return nil
}
