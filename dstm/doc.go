// Package dstm shares versioned objects between a server and all its clients, and
// changes them in transactions (distributed software transactional memory).
//
// A [Store] on the server keeps objects in a [Log]; a [Client] holds replicas of those that
// it has opened. Both hand out an [Object], with the same calls:
//
//	var High = dstm.NewVar[int64]("lots", "{id}", "high")
//
//	lots, err := objects.Open(ctx, "auction/7")
//	_, err = lots.Update(ctx, func(tx *dstm.Tx) error {
//		if bid <= High.At(id).Get(tx) {
//			return ErrTooLow
//		}
//		High.At(id).Set(tx, bid)
//		return nil
//	})
//
// What the function reads is remembered, what it writes stays local until the server
// commits it; if something that was read has changed by then, the object is brought up to date and the
// function runs again. A conflict is found by path, not by object: two people who change different
// things both commit.
//
// A function that only needs to know whether a condition holds asks by a guard ([Tx.Guard]) and conflicts with nothing but its turning.
// Numbers are added to and limited, elements put into lists and moved, without any conflict ([Tx.Add], [Tx.Max], [Tx.Insert]). One that cannot
// go on yet calls [Tx.Retry] and sleeps until what it has read changes. [UpdateAll] changes several objects at once;
// [UndoStack] takes back what one did; [Object] also knows the past.
//
// Committed transactions are strictly serializable, durable as the log is, and applied exactly
// once, whatever connections drop meanwhile: what may have been sent is sent again after a reconnect
// under its old number, and gets its first outcome. What View sees is one past version plus
// own transactions that are not yet answered. docs/PROTOCOL.md, section 8, is the exact contract.
package dstm
