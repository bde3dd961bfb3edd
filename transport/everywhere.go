package transport

import (
	"context"
	"iter"

	"github.com/trefoilgo/trefoil/status"
)

// Everywhere yields the sessions that f selects on all nodes of the cluster, this one included, in no order. A node
// that crashed is seen until its lease lapses; sessions that come or go meanwhile may be missed. An error is the last thing yielded:
// unavailable, [ErrNotMember], while the server is not a member of its cluster. Without a cluster it yields the server's own sessions.
func (s *Server) Everywhere(ctx context.Context, f SessionFilter) iter.Seq2[SessionRecord, error] {
	return func(yield func(SessionRecord, error) bool) {
		if s.member == nil {
			for one := range s.Sessions() {
				if r := one.record(); f.Match(r) && !yield(r, nil) {
					return
				}
			}
			return
		}
		now, err := s.member.membership(ctx)
		if err != nil {
			yield(SessionRecord{}, err)
			return
		}
		now.Sessions(ctx, f)(yield)
	}
}

// Kick ends the sessions that f selects, on whichever nodes they are, with [CloseKicked], so that their clients do not come back
// by themselves; reason is told to them. It returns to how many it said so; one on another node ends a moment later. It
// does not keep anybody from connecting again: that is for Authenticate. The zero filter would mean everyone and is refused as
// invalid_argument. With an error, some may have been told: those of this server always.
func (s *Server) Kick(ctx context.Context, f SessionFilter, reason string) (told int, err error) {
	if f == (SessionFilter{}) {
		return 0, status.New(status.InvalidArgument, "", "a filter that selects everyone")
	}
	for one := range s.Sessions() {
		if f.Match(one.record()) {
			one.Close(CloseKicked, reason)
			told++
		}
	}
	if s.member == nil {
		return told, nil
	}
	now, err := s.member.membership(ctx)
	if err != nil {
		return told, err
	}
	for r, err := range now.Sessions(ctx, f) {
		if err != nil {
			return told, err
		}
		if r.Node == s.node {
			continue
		}
		switch err := now.CloseSession(ctx, r.Session, CloseKicked, reason); {
		case err == nil:
			told++
		case status.From(err).Reason != ErrNoSession:
			return told, err
		}
	}
	return told, nil
}
