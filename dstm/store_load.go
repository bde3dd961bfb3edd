package dstm

import (
	"context"
	"errors"

	"github.com/trefoilgo/trefoil/dstm/internal/engine"
	"github.com/trefoilgo/trefoil/status"
)

// storeLoaded is what a store begins with: a state that holds the objects which the log's last entries
// name and no others, and what belongs to it.
type storeLoaded struct {
	state   engine.State
	ring    storeRing
	unsaved storeUnsaved
	reach   uint64
}

// maxLoads is how often loading begins again because another node truncates the log meanwhile.
const maxLoads = 10

// load makes the state from the log. An empty log gets its first epoch, one that was put back from a backup a new one.
func (s *Store) load(ctx context.Context) error {
	for {
		l, err := s.restore(ctx)
		if err != nil {
			return err
		}
		restored, err := s.log.Load(ctx, RestoredKey)
		if err != nil {
			return err
		}
		if l.state.Position > 0 && restored.Value == nil {
			s.install(l)
			return nil
		}
		next, _, data := engine.Begin(l.state, s.now(), s.newEpoch())
		// If another node was faster, the next round tells.
		_, err = s.log.Append(ctx, Position(l.state.Position), Batch{Entries: [][]byte{data}})
		if err == nil && restored.Value != nil {
			s.opts.Logger.Warn("dstm: the log was put back from a backup: a new epoch begins", "log", s.opts.LogName, "head", next.Position)
			err = s.log.Save(ctx, []Piece{{Key: RestoredKey, Position: max(Position(next.Position), restored.Position)}})
		}
		if err != nil && !errors.Is(err, ErrMoved) {
			return err
		}
	}
}

// restore reads the head, the clients and the entries behind, and for the ring some before.
func (s *Store) restore(ctx context.Context) (*storeLoaded, error) {
	for try := 1; ; try++ {
		l, err := s.restoreOnce(ctx)
		if !errors.Is(err, ErrTruncated) || try == maxLoads {
			return l, err
		}
	}
}

func (s *Store) restoreOnce(ctx context.Context) (*storeLoaded, error) {
	piece, err := s.log.Load(ctx, keyHead)
	if err != nil {
		return nil, err
	}
	var h engine.Head
	if piece.Value != nil {
		if h, err = engine.ReadHead(piece.Value); err != nil {
			return nil, err
		}
	}
	last, err := s.log.Head(ctx) // behind the piece: what is saved is in the log
	if err != nil {
		return nil, err
	}
	if Position(h.Position) != piece.Position || piece.Position > last {
		return nil, status.New(status.DataLoss, engine.ErrDamaged, "the state of position %d says position %d, the log ends at %d", piece.Position, h.Position, last)
	}
	l := &storeLoaded{state: engine.Resume(s.engine, &h), ring: storeRing{limit: s.opts.Recent}, unsaved: newUnsaved(h.Marks), reach: h.Reach}
	if err := l.readClients(ctx, s.log); err != nil {
		return nil, err
	}
	l.ring.reset(h.Position)
	if h.Keep > 0 && h.Keep <= h.Position {
		if earlier := s.earlier(ctx, Position(h.Keep-1), &l.state); earlier != nil {
			l.ring.reset(h.Keep - 1)
			for _, e := range earlier {
				l.ring.push(e).strip()
			}
		}
	}
	return l, s.extend(ctx, l, last)
}

// readClients reads what is remembered of the clients. It may be of later positions than the head.
func (l *storeLoaded) readClients(ctx context.Context, log Log) error {
	known := map[engine.ID]engine.Client{}
	for piece, err := range log.List(ctx, keyClients, "") {
		if err != nil {
			return err
		}
		id, c, err := engine.ReadClient(piece.Value)
		if err == nil && (Position(c.Position) != piece.Position || piece.Key != clientKey(id)) {
			err = status.New(status.DataLoss, engine.ErrDamaged, "the piece %q is not what it says", piece.Key)
		}
		if err != nil {
			return err
		}
		known[id] = c
	}
	// Behind the clients, so that a client whose piece was not there any more is counted.
	forgotten, err := log.Load(ctx, keyForgotten)
	if err != nil {
		return err
	}
	l.state.Forgotten = max(l.state.Forgotten, uint64(forgotten.Position))
	for id, c := range known {
		// Who is silent for longest is forgotten first: so this one was too, and a node that lagged has stored again what it knew then.
		if c.Position <= l.state.Forgotten {
			l.unsaved.clients[id] = struct{}{}
			continue
		}
		l.state = l.state.Remember(id, c)
	}
	return nil
}

// extend replays the entries behind the state up to last.
func (s *Store) extend(ctx context.Context, l *storeLoaded, last Position) error {
	reader := storeReader{log: s.log, find: s.loadObject}
	reader.apply = func(state engine.State, entries []*engine.Entry) engine.State {
		for _, e := range entries {
			l.unsaved.add(e)
			l.ring.push(e).strip()
		}
		l.state = state
		return state
	}
	return reader.readTo(ctx, l.state, last)
}

// earlier reads the entries between after and the state, nil if they are not to be had, which does no harm.
func (s *Store) earlier(ctx context.Context, after Position, state *engine.State) []*engine.Entry {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var out []*engine.Entry
	for raw, err := range s.log.Read(ctx, after) {
		if err != nil {
			return nil
		}
		e, err := engine.Decode(raw.Data)
		if err != nil || len(out) > 0 && e.Previous != out[len(out)-1].Hash {
			return nil
		}
		out = append(out, e)
		if e.Position >= state.Position {
			break
		}
	}
	if len(out) == 0 || out[len(out)-1].Hash != state.Hash {
		return nil
	}
	return out
}

// install makes what was loaded the present state. The caller holds mu, or is the only one to know the store.
func (s *Store) install(l *storeLoaded) {
	r := &s.residents
	r.forget()
	r.arrived = nil
	clear(r.coming)
	r.jumps++
	s.ring, s.unsaved, s.reach = l.ring, l.unsaved, l.reach
	s.state.Store(&l.state)
	for name := range l.state.Each("") {
		s.settle(name)
	}
}

// reload starts again from what is stored, because the log was truncated beyond the state. What is pinned and was resident
// stays so. The caller holds applying.
func (s *Store) reload(ctx context.Context) error {
	l, err := s.restore(ctx)
	if err != nil {
		return err
	}
	for {
		name, missing := s.installReloaded(l)
		if !missing {
			return nil
		}
		o, err := s.loadObject(ctx, name)
		if err != nil {
			return err
		}
		l.state = l.state.Hold(name, o)
		if o.Position > l.state.Position {
			if err := s.extend(ctx, l, Position(o.Position)); err != nil {
				return err
			}
		}
	}
}

// installReloaded installs what was loaded again, unless it lacks an object.
func (s *Store) installReloaded(l *storeLoaded) (lacks string, missing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.state.Load()
	for name := range s.residents.pins {
		_, had := before.Resident(name)
		if _, has := l.state.Resident(name); had && !has {
			return name, true
		}
	}
	s.install(l)
	s.publishReload(before, &l.state)
	return "", false
}
