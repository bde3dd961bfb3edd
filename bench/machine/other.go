//go:build !linux

package machine

import (
	"errors"
	"time"
)

var errSystem = errors.New("machine: only Linux tells")

// CPU is the processor time that a process has used; here it always fails.
func CPU(pid int) (time.Duration, error) { return 0, errSystem }

// Wire is how many bytes this process's connections to a port have carried; here it always fails.
func Wire(port int) (int64, error) { return 0, errSystem }

// Traffics is what this process's connections to a port have carried; here it always fails.
func Traffics(port int) (map[int]Traffic, error) { return nil, errSystem }

// RaiseFiles lets this process open as many files as it may. Go does so by itself at the start; how many these are is not known here: 0.
func RaiseFiles() uint64 { return 0 }

// FileSystem is the type of the file system that holds a folder; here it is not known.
func FileSystem(folder string) string { return "(unknown)" }
