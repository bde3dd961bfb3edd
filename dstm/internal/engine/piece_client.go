package engine

import "github.com/trefoilgo/trefoil/codec"

// ClientPiece is the piece of what is remembered of a client.
func ClientPiece(id ID, c *Client) []byte {
	b := codec.AppendBytes(beginPiece(9, pieceClient), id[:])
	b = appendCounters(b, c.Last, c.Settled, c.Began, c.Position)
	b = codec.AppendInt(b, c.Time)
	b = codec.AppendArray(b, len(c.Commits))
	for i := range c.Commits {
		o := &c.Commits[i]
		b = appendCounters(codec.AppendArray(b, 4), o.Sequence, o.Position)
		b = codec.AppendBytes(b, o.Digest[:])
		b = codec.AppendArray(b, len(o.Parts))
		for _, m := range o.Parts {
			b = codec.AppendString(codec.AppendArray(b, 2), m.Object)
			b = appendCounters(b, m.Version)
		}
	}
	b = codec.AppendArray(b, len(c.Refusals))
	for i := range c.Refusals {
		b = appendCounters(codec.AppendArray(b, 3), c.Refusals[i].Sequence)
		b = appendRefusal(b, &c.Refusals[i].Refusal)
	}
	return endPiece(b)
}

// ReadClient reads the piece of a client and keeps no part of it.
func ReadClient(piece []byte) (ID, Client, error) {
	a, err := openPiece(piece, pieceClient)
	if err != nil {
		return ID{}, Client{}, err
	}
	var id ID
	ok := fixed(id[:], &a)
	c := Client{Last: counter(&a), Settled: counter(&a), Began: counter(&a), Position: counter(&a), Time: a.Int()}
	for list := a.Array(); ok && list.Len() > 0; {
		o := list.Array()
		commit := Committed{Sequence: counter(&o), Position: counter(&o)}
		ok = fixed(commit.Digest[:], &o)
		for parts := o.Array(); ok && parts.Len() > 0; {
			m := parts.Array()
			commit.Parts = append(commit.Parts, Made{Object: m.String(), Version: counter(&m)})
			ok = m.Err() == nil && m.Len() == 0
		}
		ok = ok && o.Err() == nil && o.Len() == 0
		c.Commits = append(c.Commits, commit)
	}
	for list := a.Array(); ok && list.Len() > 0; {
		o := list.Array()
		refused := Refused{Sequence: counter(&o)}
		ok = readRefusal(&o, &refused.Refusal) && o.Err() == nil && o.Len() == 0
		c.Refusals = append(c.Refusals, refused)
	}
	if !ok || a.Err() != nil || a.Len() != 0 || c.Began == 0 || c.Began > c.Position || c.Position > maxCounter {
		return ID{}, Client{}, errPiece()
	}
	return id, c, nil
}
