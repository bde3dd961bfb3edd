package faults

import (
	"fmt"
	"os"

	"github.com/trefoilgo/trefoil/internal/disktest"
	"github.com/trefoilgo/trefoil/status"
)

// InSync is the point between the append and its sync: the process is killed as it enters the system call, by strace.
const InSync = "before-sync"

// HaveStrace reports whether there is an strace that works here.
func HaveStrace() bool {
	_, err := disktest.Strace()
	return err == nil
}

// killInSync is the command that ends a server as it begins its nth sync behind those of its start.
func killInSync(n int) []string {
	return []string{"strace", "-f", "-qq", "-o", os.DevNull, "-e", "signal=none", "-e", "trace=fdatasync",
		"-e", fmt.Sprintf("inject=fdatasync:signal=KILL:when=%d", 4+n)}
}

// expected reports whether an error of an Update is one that a fault of the server explains: the outcome is not known.
func expected(err error) bool { return status.OutcomeUnknown(err) }
