package disktest

// Kind is what an Event is about.
type Kind int

// The kinds.
const (
	Write      Kind = iota // Data at Offset
	Truncate               // to Offset bytes
	Sync                   // of one file
	SyncFolder             // of the folder in which the files are
	Link                   // Path names the file from now on
	Say                    // the process wrote Data to its standard output or to a connection that it accepted
)

// Event is one system call that matters for what is on the disk, or that lets others know of it.
type Event struct {
	Kind   Kind
	File   int // a number for each file, whatever its names; with Say one for each output and connection
	Offset int64
	Data   []byte
	Path   string
}

// applied is a file after the event.
func (e *Event) applied(file []byte) []byte {
	grow := func(size int64) {
		if size > int64(len(file)) {
			file = append(file, make([]byte, size-int64(len(file)))...)
		}
	}
	switch e.Kind {
	case Write:
		grow(e.Offset + int64(len(e.Data)))
		copy(file[e.Offset:], e.Data)
	case Truncate:
		grow(e.Offset)
		file = file[:e.Offset]
	}
	return file
}
