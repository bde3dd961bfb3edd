package machine

import "golang.org/x/sys/unix"

// RaiseFiles lets this process, and those that it starts, open as many files as the system allows it, and returns how many.
func RaiseFiles() uint64 {
	const enough = 1 << 17
	var now unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &now) != nil {
		return 0
	}
	if now.Cur >= enough {
		return now.Cur
	}
	// Who may raise the hard limit raises it, everybody else goes up to it.
	for _, try := range []unix.Rlimit{{Cur: enough, Max: max(now.Max, enough)}, {Cur: min(now.Max, enough), Max: now.Max}} {
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &try) == nil {
			return try.Cur
		}
	}
	return now.Cur
}
