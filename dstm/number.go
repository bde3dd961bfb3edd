package dstm

// Number is what [Add], [AddWithin], [Min] and [Max] take.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Add increases the number at r by n without reading it, so that adders never conflict; absent counts as 0. See [Tx.Add].
func Add[T Number](tx *Tx, r Ref[T], n T) { tx.Add(n, nil, nil, r.path...) }

// AddWithin is Add that keeps the sum between least and most, both inclusive.
func AddWithin[T Number](tx *Tx, r Ref[T], n, least, most T) { tx.Add(n, least, most, r.path...) }

// Min makes the number at r the smaller of itself and n without reading it; absent becomes n. See [Tx.Min].
func Min[T Number](tx *Tx, r Ref[T], n T) { tx.Min(n, r.path...) }

// Max makes the number at r the greater of itself and n without reading it; absent becomes n. See [Tx.Max].
func Max[T Number](tx *Tx, r Ref[T], n T) { tx.Max(n, r.path...) }
