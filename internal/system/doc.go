// Package system holds tests of whole systems: server processes with a store on disk, and
// clients that talk to them over real sockets. It has no code of its own.
package system
