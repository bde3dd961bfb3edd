package load

import "time"

// ordered is a connection on which answers come in the order of their requests. A reference that is measured by it has the lightest client
// there can be: one goroutine a connection, which sends a request for each answer that it has read.
type ordered interface {
	// send sends a request, at the latest when receive has nothing left and waits.
	send(payload []byte) error
	// receive returns the next answer, valid until the next call.
	receive() ([]byte, error)
	close()
}

// pipeline is an Echo of ordered connections.
type pipeline []ordered

func (p pipeline) Close() {
	for _, c := range p {
		c.close()
	}
}

func (p pipeline) Run(flight, size int, until time.Time, m *Meter) error {
	return each(len(p), func(i int, failed func() bool) error {
		return pump(p[i], flight, size, until, m, failed)
	})
}

// pump keeps flight requests in flight on c.
func pump(c ordered, flight, size int, until time.Time, m *Meter, failed func() bool) error {
	sent := make([]time.Time, flight) // of the requests in flight, by number
	next, oldest := 0, 0
	out, want := payload(size), payload(size)
	send := func(now time.Time) error {
		number(out, uint64(next))
		sent[next%flight] = now
		next++
		return c.send(out)
	}
	for range flight {
		if err := send(time.Now()); err != nil {
			return err
		}
	}
	for oldest < next {
		got, err := c.receive()
		if err != nil {
			return err
		}
		number(want, uint64(oldest))
		if err := checkEcho(want, got); err != nil {
			return err
		}
		now := m.add(sent[oldest%flight])
		oldest++
		if now.Before(until) && !failed() {
			if err := send(now); err != nil {
				return err
			}
		}
	}
	return nil
}

// dialPipeline opens so many ordered connections.
func dialPipeline(connections int, dial func() (ordered, error)) (Echo, error) {
	var p pipeline
	for range connections {
		c, err := dial()
		if err != nil {
			p.Close()
			return nil, err
		}
		p = append(p, c)
	}
	return p, nil
}
