//go:build race

package transport

// slow is how much less the tests send, and how much longer they wait, because the race
// detector is at work.
const slow = 8
