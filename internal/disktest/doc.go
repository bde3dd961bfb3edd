// Package disktest finds out what programs make of bad disks: it records what a process writes, syncs and says,
// rebuilds every file that a power cut could have left behind, and knows how to run a process whose system calls fail.
// Both need strace, of Linux.
//
// A process that is killed leaves all that it has written to the kernel; only a power cut shows what was never synced.
package disktest

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
)

// Strace is the path of an strace that works here, or the reason why there is none.
func Strace() (string, error) { return strace() }

var strace = sync.OnceValues(func() (string, error) {
	path, err := exec.LookPath("strace")
	if err == nil {
		err = exec.Command(path, "-o", os.DevNull, "-e", "trace=fdatasync", "true").Run()
	}
	if err != nil {
		return "", fmt.Errorf("this needs a working strace: %w", err)
	}
	return path, nil
})

// recorded are the system calls of interest.
const recorded = "trace=openat,close,accept4,pwrite64,write,pwritev,writev,fdatasync,fsync,ftruncate,fallocate," +
	"linkat,?link,renameat,?rename,?renameat2"

// Recording is the command, without the program, that runs a program and records into the file out what [Read] reads.
func Recording(strace, out string) []string {
	return []string{strace, "-f", "-xx", "-s", "4000000", "-e", recorded, "-e", "signal=none", "-o", out}
}

// Failing is the command, without the program, that runs a program in which a system call goes wrong: "fdatasync:error=EIO:when=9"
// is an error in place of the ninth fdatasync of each thread, counted by itself. See strace(1) at "inject".
func Failing(strace, inject string) []string {
	return []string{strace, "-f", "-qq", "-o", os.DevNull, "-e", "signal=none",
		"-e", "trace=fdatasync,pwrite64,ftruncate,fsync", "-e", "inject=" + inject}
}
