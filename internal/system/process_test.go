package system

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// process is a server process and the file that outlives it.
type process struct {
	t    *testing.T
	file string
	addr string
	cmd  *exec.Cmd
}

func startProcess(t *testing.T) *process {
	t.Helper()
	p := &process{t: t, file: filepath.Join(t.TempDir(), "store.db"), addr: "127.0.0.1:0"}
	p.start()
	t.Cleanup(p.kill)
	return p
}

// start runs the server and returns when it listens. After the first time it keeps its port.
func (p *process) start() {
	p.t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), serveFile+"="+p.file, serveAddr+"="+p.addr)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.cmd = cmd
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.t.Fatalf("the server did not start: %v", err)
	}
	if _, err := fmt.Sscanf(line, "ready %s", &p.addr); err != nil {
		p.t.Fatalf("the server said %q", line)
	}
}

// kill ends the process with SIGKILL, so that it can do nothing about it.
func (p *process) kill() {
	if p.cmd != nil {
		p.cmd.Process.Kill()
		p.cmd.Wait() // its error is the kill
		p.cmd = nil
	}
}
