package machine

// Traffic is bytes that a connection of this process has carried.
type Traffic struct {
	Down, Up int64 // to this process, and from it
}

// Both is the sum of both ways.
func (t Traffic) Both() int64 { return t.Down + t.Up }

// Minus is what came since an earlier moment.
func (t Traffic) Minus(earlier Traffic) Traffic {
	return Traffic{t.Down - earlier.Down, t.Up - earlier.Up}
}

// Sum is that of all connections.
func Sum(all map[int]Traffic) Traffic {
	var sum Traffic
	for _, t := range all {
		sum.Down += t.Down
		sum.Up += t.Up
	}
	return sum
}
