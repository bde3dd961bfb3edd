package child

import (
	"encoding/json"
	"runtime"
)

// Memory is what a process says about its memory, in bytes.
type Memory struct {
	// Used is what heap and stacks take now: in Go spans in use. In Node it is all that the process takes, since much stands outside of the heap.
	Used int64 `json:"used"`
}

// common are the commands of every role.
var common = map[string]Command{
	"memory": func(string) (string, error) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		text, err := json.Marshal(Memory{Used: int64(m.HeapInuse + m.StackInuse)})
		return string(text), err
	},
	"gc": func(string) (string, error) {
		// Twice: the first frees what pools hold only for the second, and stacks shrink in a collection.
		runtime.GC()
		runtime.GC()
		return "", nil
	},
}
