package dstm

import (
	"context"
	"maps"
	"slices"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/internal/fault"
)

// checkpointBatch is about how many bytes of pieces are saved at once.
const checkpointBatch = 1 << 20

// storeCheckpoint saves what changed since the last one. It need not be of one moment, and may end anywhere: each piece says
// its position, and only when all are saved the head follows, and then the log is truncated.
type storeCheckpoint struct {
	state   *engine.State
	objects map[string]struct{}
	clients map[engine.ID]struct{}
	last    uint64 // position of the one before
	head    engine.Head
	jumps   uint64
}

// keepLoop saves what is due and drops what is idle.
func (s *Store) keepLoop() {
	defer s.wg.Done()
	for {
		s.world.Until(func() bool { return len(s.keeper) > 0 || s.ctx.Err() != nil })
		select {
		case <-s.keeper:
		case <-s.ctx.Done():
		}
		if s.ctx.Err() != nil { // also if there was something to do
			return
		}
		s.checkpoint()
		s.evict()
	}
}

// wakeKeeper has keepLoop look after things; it never waits.
func (s *Store) wakeKeeper() {
	select {
	case s.keeper <- struct{}{}:
	default:
	}
}

// checkpoint saves what changed, if it is due. States are immutable, so commits go on meanwhile.
func (s *Store) checkpoint() {
	s.mu.Lock()
	if !s.unsaved.due(&s.opts) {
		s.mu.Unlock()
		return
	}
	c := s.beginCheckpoint()
	s.mu.Unlock()
	err := s.save(s.ctx, c)
	if err != nil && s.ctx.Err() == nil {
		s.opts.Logger.Warn("dstm: a checkpoint failed; the log grows until one succeeds", "log", s.opts.LogName, "error", err)
	}
	s.finishCheckpoint(c, err == nil)
	if err == nil && c.head.Reach > 0 {
		if err := s.truncate(s.ctx, c); err != nil && s.ctx.Err() == nil {
			s.opts.Logger.Warn("dstm: truncating the log failed; it is tried again at the next checkpoint", "log", s.opts.LogName, "error", err)
		}
	}
}

// beginCheckpoint takes what is to be saved. The caller holds mu.
func (s *Store) beginCheckpoint() *storeCheckpoint {
	c := s.unsaved.take(s.state.Load())
	c.head.Keep, c.head.Reach, c.jumps = s.ring.first, s.reach, s.residents.jumps
	trimMarks(&c.head, s.opts.KeepBytes, s.opts.KeepAge, s.now())
	return c
}

// save stores the pieces and then the head.
func (s *Store) save(ctx context.Context, c *storeCheckpoint) error {
	w := pieceWriter{ctx: ctx, log: s.log}
	for _, name := range slices.Sorted(maps.Keys(c.objects)) {
		o := c.state.Object(name)
		if s.rules.keepsHistory(name) {
			if err := s.keepFormer(&w, c, name, o); err != nil {
				return err
			}
		}
		if err := w.put(objectKey(name), o.Position, engine.ObjectPiece(name, o)); err != nil {
			return err
		}
	}
	if c.state.Forgotten > 0 {
		// Before any client's piece goes: a later start must know of it, whatever becomes of the head.
		if err := w.put(keyForgotten, c.state.Forgotten, []byte{engine.PieceFormat}); err != nil {
			return err
		}
	}
	for id := range c.clients {
		var err error
		if known := c.state.Client(id); known != nil {
			err = w.put(clientKey(id), known.Position, engine.ClientPiece(id, known))
		} else {
			err = w.put(clientKey(id), c.state.Position, nil)
		}
		if err != nil {
			return err
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	fault.Point(fault.InCheckpoint)
	return s.log.Save(ctx, []Piece{{Key: keyHead, Position: Position(c.head.Position), Value: engine.HeadPiece(&c.head)}})
}

// finishCheckpoint notes what became of a checkpoint.
func (s *Store) finishCheckpoint(c *storeCheckpoint, saved bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.jumps != s.residents.jumps { // it was about another state
		return
	}
	if !saved {
		s.unsaved.giveBack(c)
		return
	}
	s.unsaved.saving, s.unsaved.marks, s.reach = nil, c.head.Marks, c.head.Reach
	for name := range c.objects {
		s.settle(name)
	}
}

// truncate removes the entries and the former states that are not kept any longer.
func (s *Store) truncate(ctx context.Context, c *storeCheckpoint) error {
	if err := s.log.Truncate(ctx, Position(c.head.Reach)); err != nil {
		return err
	}
	return s.dropFormer(ctx, c)
}

// pieceWriter saves pieces in batches.
type pieceWriter struct {
	ctx    context.Context
	log    Log
	pieces []Piece
	size   int
}

// put adds a piece; those given since the last flush are saved with it or not at all.
func (w *pieceWriter) put(key string, position uint64, value []byte) error {
	w.add(key, position, value)
	if w.size >= checkpointBatch {
		return w.flush()
	}
	return nil
}

// add adds a piece that is saved together with the next one.
func (w *pieceWriter) add(key string, position uint64, value []byte) {
	w.pieces = append(w.pieces, Piece{Key: key, Position: Position(position), Value: value})
	w.size += len(key) + len(value) + 64
}

func (w *pieceWriter) flush() error {
	if len(w.pieces) == 0 {
		return nil
	}
	err := w.log.Save(w.ctx, w.pieces)
	clear(w.pieces)
	w.pieces, w.size = w.pieces[:0], 0
	return err
}
