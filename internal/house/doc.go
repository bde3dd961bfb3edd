// Package house holds the tests that keep the house in order: which package may
// import which, that every exported name is explained, that files stay small, that
// links in the documents lead somewhere. It has no code of its own.
//
// They parse the files themselves (go/parser): a test that asked the go command
// instead would be answered from the test cache after the imports changed.
package house
