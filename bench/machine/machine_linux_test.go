package machine

import (
	"bytes"
	"io"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestCPU compares with what /proc/PID/stat says: fields 14 and 15, in ticks of 10 ms.
func TestCPU(t *testing.T) {
	// Enough work that a wrong clock, of this thread or of another process, would show.
	for before := ticks(t); ticks(t) < before+20; {
	}
	low := time.Duration(ticks(t)-1) * 10 * time.Millisecond
	got, err := CPU(os.Getpid())
	high := time.Duration(ticks(t)+2) * 10 * time.Millisecond
	if err != nil || got < low || got > high {
		t.Errorf("%v, %v, the process table says %v to %v", got, err, low, high)
	}
	if _, err := CPU(1 << 28); err == nil {
		t.Error("a process that does not exist has used processor time")
	}
}

func ticks(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // the first of these is the third of all
	sum := int64(0)
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// TestWire: the count is exact, both ways, and of one port alone.
func TestWire(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	ours, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	theirs, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	if n, err := Wire(port); n != 0 || err != nil {
		t.Fatalf("a fresh connection has carried %d bytes (%v)", n, err)
	}
	exchange := func(from, to net.Conn, n int) {
		if _, err := from.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(to, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	exchange(ours, theirs, 100_000)
	exchange(theirs, ours, 1)
	// The other end of the connection is this process's too, but its remote port is another one.
	if n, err := Wire(port); n != 100_001 || err != nil {
		t.Errorf("it has carried %d bytes (%v)", n, err)
	}
	all, err := Traffics(port)
	local := ours.LocalAddr().(*net.TCPAddr).Port
	if want := (Traffic{Down: 1, Up: 100_000}); err != nil || len(all) != 1 || all[local] != want || Sum(all) != want {
		t.Errorf("it has carried %v (%v)", all, err)
	}
	if got, want := Sum(all).Minus(Traffic{Down: 1, Up: 1}), (Traffic{Up: 99_999}); got != want {
		t.Errorf("since then %v", got)
	}
	if n, err := Wire(1); n != 0 || err != nil {
		t.Errorf("another port has carried %d bytes (%v)", n, err)
	}
	// What was closed counts too, also what came after it was seen last and what was opened since. The far end's close
	// counts as a byte.
	exchange(ours, theirs, 5)
	ours.Close()
	theirs.Close()
	short, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	exchange(short, far, 7)
	if n, err := Wire(port); n != 100_014 || err != nil {
		t.Errorf("with what is closed it has carried %d bytes (%v)", n, err)
	}
	short.Close()
	far.Close()
	for range 2 {
		if n, err := Wire(port); n != 100_015 || err != nil {
			t.Errorf("with both closed it has carried %d bytes (%v)", n, err)
		}
	}
}

func TestFiles(t *testing.T) {
	if n := RaiseFiles(); n < 256 {
		t.Errorf("only %d files", n)
	}
}
