// Package machine asks the operating system: how much processor time a process takes, what its connections have
// carried, how many files may be open. On other systems than Linux it knows only what Go itself does.
package machine
