// Package linear judges histories of transactions on a few registers with porcupine: there must be one order of all transactions
// that agrees with what each of them read, and with the order in time.
package linear

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Registers is how many registers the model has.
const Registers = 4

// MaxClients and MaxOperations bound a window: beyond them the search takes too long.
const (
	MaxClients    = 20
	MaxOperations = 10_000
)

// Step is one thing that a transaction does with one register.
type Step struct {
	Kind     Kind
	Register int
	Value    int // written, added, compared with, or read
}

// Kind is what a step does.
type Kind int

// The kinds of steps.
const (
	Read    Kind = iota // the register holds Value
	Write               // the register becomes Value
	Add                 // the register is increased by Value
	AtLeast             // the register holds Value or more
	Below               // the register holds less than Value
)

func (s Step) String() string {
	return fmt.Sprintf("%c %s %d", 'a'+rune(s.Register), [...]string{"is", "becomes", "grows by", "is at least", "is below"}[s.Kind], s.Value)
}

// Transaction is one transaction that took effect, or may have.
type Transaction struct {
	Client     int
	Steps      []Step
	Call, Done int64 // on one clock; Done is 0 if the outcome is unknown
}

type state [Registers]int

// operation is a transaction as the model sees it.
type operation struct {
	steps []Step
	maybe bool // it may have been refused
}

// model says what transactions do to the registers. A transaction is its own output, since its steps hold what it read. One whose
// outcome is unknown does nothing where it does not fit; where it fits at the end alone, that is as if it had not happened.
var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(at, input, _ any) (bool, any) {
		op := input.(operation)
		if after, ok := at.(state).after(op.steps); ok {
			return true, after
		}
		return op.maybe, at
	},
	DescribeOperation: func(input, _ any) string { return fmt.Sprint(input.(operation).steps) },
}

// after is the state behind the steps; ok says whether they saw what they say.
func (s state) after(steps []Step) (_ state, ok bool) {
	for _, step := range steps {
		have := &s[step.Register]
		switch step.Kind {
		case Read:
			ok = *have == step.Value
		case AtLeast:
			ok = *have >= step.Value
		case Below:
			ok = *have < step.Value
		case Write:
			*have, ok = step.Value, true
		case Add:
			*have, ok = *have+step.Value, true
		}
		if !ok {
			return s, false
		}
	}
	return s, true
}

// Check returns an error if no order of the transactions explains them, or none was found within the time. The search grows fast
// with the number of transactions that overlap.
func Check(history []Transaction, limit time.Duration) error {
	if len(history) > MaxOperations {
		return fmt.Errorf("a window has at most %d transactions, not %d", MaxOperations, len(history))
	}
	last := int64(0)
	for _, t := range history {
		last = max(last, t.Call, t.Done)
	}
	var operations []porcupine.Operation
	clients := map[int]bool{}
	for i, t := range history {
		clients[t.Client] = true
		client, done := t.Client, t.Done
		if done == 0 { // it may take effect at any time, and its client goes on
			client, done = MaxClients+i, last+1
		}
		operations = append(operations, porcupine.Operation{ClientId: client, Input: operation{t.Steps, t.Done == 0}, Call: t.Call, Return: done})
	}
	if len(clients) > MaxClients {
		return fmt.Errorf("a window has at most %d clients, not %d", MaxClients, len(clients))
	}
	switch porcupine.CheckOperationsTimeout(model, operations, limit) {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		return fmt.Errorf("no order of these %d transactions explains what they read:\n%s", len(history), describe(history))
	}
	return fmt.Errorf("%d transactions could not be judged within %v", len(history), limit)
}

func describe(history []Transaction) string {
	sorted := slices.SortedFunc(slices.Values(history), func(a, b Transaction) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, t := range sorted[:min(len(sorted), 200)] {
		fmt.Fprintf(&b, "%d to %d: client %d: %v\n", t.Call, t.Done, t.Client, t.Steps)
	}
	return b.String()
}
