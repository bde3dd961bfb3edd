package child

import "syscall"

// dieWithParent has the kernel end the process when this one ends, however that happens: redis-server does not look at its input.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
