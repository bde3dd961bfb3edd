package machine

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Describe is one line about this machine: processor, number of cores, memory, kernel, Go.
func Describe() string {
	return fmt.Sprintf("%s, %d cores, %s memory, %s %s, %s", orUnknown(field("/proc/cpuinfo", "model name")), runtime.NumCPU(),
		orUnknown(field("/proc/meminfo", "MemTotal")), runtime.GOOS, orUnknown(kernel()), runtime.Version())
}

// field is the value of the first line "name: value" of a file.
func field(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func kernel() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(release))
}

func orUnknown(s string) string {
	if s == "" {
		return "(unknown)"
	}
	return s
}
