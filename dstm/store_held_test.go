package dstm

import (
	"testing"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// An answer that is held back says what its receiver may see, and keeps nothing of the transaction in memory.
func TestHeldAnswer(t *testing.T) {
	tx := &txn.Transaction{Sequence: 7, Again: true, Attempt: 2, Parts: []txn.Part{{
		Object: "o", Writes: []txn.Write{{Op: txn.OpSet, Path: tree.Path{"hidden", "mine"}, Value: make([]byte, txn.MaxBytes)}},
	}}}
	job := &storeJob{size: txn.MaxBytes, request: engine.Request{
		Tx: tx, Readable: func(string) []tree.Path { return []tree.Path{{"seen"}} },
	}}
	kept := held(job, &engine.Decision{Refusal: &engine.Refusal{
		Code: status.Aborted, Reason: reason.Conflict, Message: "conflict at hidden", Conflicts: []txn.Conflict{{Path: tree.Path{"hidden"}}},
	}})
	if q := kept.job.request; q.Tx.Sequence != 7 || !q.Tx.Again || q.Tx.Parts != nil || q.Readable != nil || kept.job.size != 0 {
		t.Errorf("%+v", q)
	}
	told := visible(&kept.job.request, kept.decision.Refusal) // as it is told
	if told.Message == "conflict at hidden" || len(told.Conflicts) != 1 || told.Conflicts[0].Path.String() != tx.Parts[0].Writes[0].Path.String() {
		t.Errorf("%+v", told)
	}
	if job.request.Tx != tx || job.size != txn.MaxBytes {
		t.Error("the job itself has changed")
	}
}
