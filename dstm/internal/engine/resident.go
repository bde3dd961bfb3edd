package engine

// A state need not hold every object. What it was told with Hold is resident; Decide and Follow need everything
// resident that the transaction or the entry names. A state made by New holds all objects of its log, until the first is dropped.

// Resident returns the object called name, which must not be changed, and whether the state holds it. An object that nobody
// has written is resident too once it was held as such.
func (s *State) Resident(name string) (*Object, bool) {
	if o := s.objects.Get(name); o != nil {
		return o, true
	}
	return &nothing, !s.partial
}

// Hold returns the state with the object resident, as it was stored. It may be of a later position than the state: entries up
// to there leave it as it is.
func (s State) Hold(name string, o Object) State {
	s.objects = s.objects.Put(name, o)
	return s
}

// Drop returns the state without the object, which must be stored as it is.
func (s State) Drop(name string) State {
	s.objects, s.partial = s.objects.Delete(name), true
	return s
}

// Remember returns the state with what was stored of a client. It may be of a later position than the state, as in Hold.
func (s State) Remember(id ID, c Client) State {
	key := string(id[:])
	if old := s.clients.Get(key); old != nil {
		s.ages = s.ages.Delete(age(old.aged))
	}
	s.ages, c.aged = s.ages.Put(age(c.Position), aged{key, c.Time}), c.Position
	s.clients = s.clients.Put(key, c)
	return s
}
