package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/pubsub"
)

// playRPC: a client calls the server.
func playRPC(ctx context.Context, s *stage, a *client) error {
	greeting, err := hello.Call(ctx, a.calls, "world")
	if err != nil {
		return err
	}
	return s.say("rpc: hello(%q) -> %q", "world", greeting)
}

// playPubSub: A and B subscribe, C publishes.
func playPubSub(ctx context.Context, s *stage, a, b, c *client) error {
	subs := map[string]*pubsub.Subscription[string]{}
	for name, who := range map[string]*client{"A": a, "B": b} {
		sub, err := test.At().Subscribe(ctx, who.topics)
		if err != nil {
			return err
		}
		defer sub.Close()
		subs[name] = sub
	}
	if _, err := test.At().Publish(ctx, c.topics, "hey"); err != nil {
		return err
	}
	for _, name := range []string{"A", "B"} {
		for message, err := range subs[name].All(ctx) {
			if err != nil {
				return err
			}
			if err := s.say("pubsub: %s received %q on %q", name, message.Value, message.Topic); err != nil {
				return err
			}
			break
		}
	}
	return ctx.Err()
}

// playDSTM: A and B have the object at version 0. B sets hello; the frame that would tell A is held back, so A
// sets hello from an old version, is refused and brought up to date, and tries again.
func playDSTM(ctx context.Context, s *stage, a, b *client) error {
	boards := map[*client]dstm.Object{}
	for _, who := range []*client{a, b} {
		board, err := who.objects.Open(ctx, object)
		if err != nil {
			return err
		}
		defer board.Close()
		boards[who] = board
	}
	set := func(who *client, value string, opts ...dstm.UpdateOption) (dstm.Commit, error) {
		return boards[who].Update(ctx, func(tx *dstm.Tx) error {
			word.At().Set(tx, value)
			return nil
		}, opts...)
	}

	a.gate.holdUntilSent("code camp")
	commit, err := set(b, "world")
	if err != nil {
		return err
	}
	if err := s.say("dstm: B set hello = %q (version %d)", "world", commit.Version); err != nil {
		return err
	}

	commit, err = set(a, "code camp", dstm.MaxAttempts(1))
	paths := dstm.ConflictPaths(err)
	switch {
	case err == nil:
		return s.say("dstm: A set hello = %q (version %d) from an old version", "code camp", commit.Version)
	case !errors.Is(err, dstm.ErrConflict) || len(paths) != 1:
		return fmt.Errorf("the stale transaction of A: %w", err)
	}
	if err := s.say("dstm: A set hello = %q rejected: conflict at %s", "code camp", paths[0]); err != nil {
		return err
	}

	err = boards[a].View(func(tx *dstm.Tx) error {
		return s.say("dstm: A synchronised to version %d, hello = %q", tx.Version(), word.At().Get(tx))
	})
	if err != nil {
		return err
	}

	if commit, err = set(a, "code camp"); err != nil {
		return err
	}
	return s.say("dstm: A set hello = %q (version %d)", "code camp", commit.Version)
}
