// Package site is what the examples with pages have in common and what has nothing to do with Trefoil: how a program begins and ends, the address that
// it listens on, and the files of its page. How a server of Trefoil is set up is in the server.go of each example.
package site
