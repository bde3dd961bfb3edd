package engine

import (
	"github.com/trefoilgo/trefoil/dstm/internal/reason"
	"github.com/trefoilgo/trefoil/dstm/internal/tree"
	"github.com/trefoilgo/trefoil/dstm/internal/txn"
	"github.com/trefoilgo/trefoil/status"
)

// Refusal says why a transaction was not committed.
type Refusal struct {
	Code    status.Code
	Reason  status.Reason
	Message string
	// Details are those of an invariant's error, plain values as codec.Unmarshal makes them; nil if none. Read-only.
	Details   map[string]any
	Unknown   bool
	Conflicts []txn.Conflict
}

// Refused is a refusal that is remembered.
type Refused struct {
	Sequence uint64
	Refusal  Refusal
}

func refusal(code status.Code, reason status.Reason, message string) *Refusal {
	return &Refusal{Code: code, Reason: reason, Message: message}
}

// remembered is r as it is kept: with few paths, a short message and no long details, and without a hold on the rest.
func (r *Refusal) remembered() Refusal {
	kept := *r
	if len(appendDetails(nil, r.Details)) > keptDetails {
		kept.Details = nil
	}
	kept.Conflicts = nil
	size := 0
	for _, c := range r.Conflicts[:min(len(r.Conflicts), keptConflicts)] {
		if size += pathSize(c.Path); size > keptPaths {
			break
		}
		kept.Conflicts = append(kept.Conflicts, c)
	}
	if len(kept.Message) > 255 {
		kept.Message = kept.Message[:255]
		for len(kept.Message) > 0 && kept.Message[len(kept.Message)-1]&0xC0 == 0x80 {
			kept.Message = kept.Message[:len(kept.Message)-1]
		}
		kept.Message = kept.Message[:max(0, len(kept.Message)-1)]
	}
	return kept
}

// pathSize is about what a path takes in memory.
func pathSize(path tree.Path) int {
	size := 32
	for _, key := range path {
		size += 16 + len(key)
	}
	return size
}

// size is about what a remembered refusal takes in memory.
func (r *Refused) size() int {
	size := 128 + len(r.Refusal.Message)
	if r.Refusal.Details != nil {
		size += keptDetails // at most
	}
	for _, c := range r.Refusal.Conflicts {
		size += pathSize(c.Path)
	}
	return size
}

func conflict(paths []txn.Conflict) *Refusal {
	r := refusal(status.Aborted, reason.Conflict, "what the transaction read has changed")
	if len(paths) > 0 {
		r.Message = "conflict at " + paths[0].Path.String()
	}
	r.Conflicts = paths
	return r
}

func outcomeUnknown(message string) *Refusal {
	r := refusal(status.Unavailable, reason.OutcomeUnknown, message)
	r.Unknown = true
	return r
}
