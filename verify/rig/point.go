package rig

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/trefoilgo/trefoil/internal/fault"
)

// armPoint has the process kill itself at the point that its environment names.
func armPoint() {
	name, count, ok := strings.Cut(os.Getenv(PointVariable), ":")
	if !ok {
		return
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return
	}
	var passed atomic.Int64
	fault.Arm(func(point string) {
		if point == name && passed.Add(1) == int64(n) {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				self.Kill()
			}
			select {}
		}
	})
}
