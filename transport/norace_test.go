//go:build !race

package transport

// slow: see race_test.go.
const slow = 1
