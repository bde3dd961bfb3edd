// Package cycles finds anomalies of isolation in histories of transactions that append unique values to lists
// and read whole lists.
//
// A list that was read says in which order the values were appended, so the order of the versions need not be
// guessed, and the dependencies between transactions follow: who wrote behind whom (ww), who read from whom (wr), and who
// wrote behind what somebody read (rw). A cycle among them is an anomaly; its kinds are named as by A. Adya,
// "Weak Consistency: A Generalized Theory" (1999). The method is that of K. Kingsbury and P. Alvaro,
// "Elle: Inferring Isolation Anomalies from Experimental Observations" (VLDB 2020); this is an implementation of our own. It takes
// time linear in the history.
package cycles

import "fmt"

// Op is one operation of a transaction: an append, or a read of a whole list.
type Op struct {
	Key    string
	Append bool
	Value  int   // of an append; no value is appended twice to one list
	List   []int // of a read
}

// Append is an append of value to the list of key.
func Append(key string, value int) Op { return Op{Key: key, Append: true, Value: value} }

// Read is a read of the list of key that saw these values.
func Read(key string, values ...int) Op { return Op{Key: key, List: values} }

// Outcome is what is known of a transaction.
type Outcome int

// The outcomes.
const (
	// Committed: it took effect.
	Committed Outcome = iota
	// Aborted: it did not, and never will.
	Aborted
	// Unknown: it may have taken effect.
	Unknown
)

// Transaction is one transaction of a history.
type Transaction struct {
	Ops     []Op
	Outcome Outcome
	// Begin and End are when its client began it and learnt its outcome, on one clock. With both set, transactions that ended
	// before others began must come first (strict serializability).
	Begin, End int64
}

// Kind is a kind of anomaly.
type Kind string

// The kinds, from the worst to the mildest. Those that end in -realtime need the order in time for their cycle.
const (
	Internal     Kind = "internal"     // a transaction does not see what it did itself
	Duplicate    Kind = "duplicate"    // a value stands in a list twice
	Garbage      Kind = "garbage"      // a value was read that nobody appended
	AbortedRead  Kind = "G1a"          // a value was read of a transaction that did not commit
	Intermediate Kind = "G1b"          // a state was read between two appends of one transaction
	Incompatible Kind = "incompatible" // two reads of a list are not one the beginning of the other
	Lost         Kind = "lost"         // a committed append is missing from a list that was read after all had ended
	G0           Kind = "G0"           // a cycle of ww
	G1c          Kind = "G1c"          // a cycle of ww and wr
	GSingle      Kind = "G-single"     // a cycle with exactly one rw
	G2           Kind = "G2"           // a cycle with several rw
)

// Realtime is the kind of a cycle that needs the order in time.
func (k Kind) Realtime() Kind { return k + "-realtime" }

// Anomaly is what must not be in a serializable history.
type Anomaly struct {
	Kind Kind
	// Transactions are indices into the history: of a cycle in its order.
	Transactions []int
	Text         string
}

func (a Anomaly) String() string {
	return fmt.Sprintf("%s: %s (transactions %v)", a.Kind, a.Text, a.Transactions)
}
