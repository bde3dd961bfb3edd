package pubsub

// Match reports whether filter matches topic; both must be valid. "*" stands for
// exactly one segment, ">" at the end for one or more. Brokers use it to read history.
func Match(filter, topic string) bool {
	// A topic is the filter that matches only itself.
	return covers(filter, topic)
}

// covers reports whether every topic that inner matches is also matched by outer.
func covers(outer, inner string) bool {
	outerNS, outer := cutNamespace(outer)
	innerNS, inner := cutNamespace(inner)
	if outerNS != innerNS {
		return false
	}
	for {
		o, outerRest, outerLast := cutSegment(outer)
		if o == anyRest {
			return true
		}
		i, innerRest, innerLast := cutSegment(inner)
		if i == anyRest || (o != anySegment && o != i) || outerLast != innerLast {
			return false
		}
		if outerLast {
			return true
		}
		outer, inner = outerRest, innerRest
	}
}

// intersects reports whether some topic is matched by both filters.
func intersects(a, b string) bool {
	aNS, a := cutNamespace(a)
	bNS, b := cutNamespace(b)
	if aNS != bNS {
		return false
	}
	for {
		x, aRest, aLast := cutSegment(a)
		y, bRest, bLast := cutSegment(b)
		if x == anyRest || y == anyRest {
			return true
		}
		if x != anySegment && y != anySegment && x != y || aLast != bLast {
			return false
		}
		if aLast {
			return true
		}
		a, b = aRest, bRest
	}
}
