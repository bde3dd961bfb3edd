package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Process is a running process.
type Process struct {
	// Addresses are where it can be reached, in the order in which it said them.
	Addresses []string

	cmd   *exec.Cmd
	mu    sync.Mutex // one command at a time
	in    io.WriteCloser
	out   *bufio.Scanner // nil of a process that does not speak
	ended chan struct{}
	err   error // of the process, once ended is closed
}

// Spec says what to start.
type Spec struct {
	// Role is the role that this program plays, or Command, if there is one, which may also be a program without roles.
	Role    string
	Command []string
	// Dir is where it starts; Env is added to its environment.
	Dir string
	Env []string
	// Profile is a file for a profile of processor time, if the process is one in a role; "" for none.
	Profile string
	// Wrap is a command that runs the process, such as strace with its options.
	Wrap []string
	// Silent is a process that does not say ready: it is when Listening returns nil.
	Silent    bool
	Listening func(ctx context.Context) error
}

// startTimeout is how long a process may take until it is ready.
const startTimeout = time.Minute

// Start starts a process and returns when it is ready.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	command, env := spec.Command, append(os.Environ(), spec.Env...)
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		command = []string{self}
	}
	if spec.Role != "" {
		env = append(env, roleVariable+"="+spec.Role, profileVariable+"="+spec.Profile)
	}
	command = append(append([]string{}, spec.Wrap...), command...)
	p := &Process{cmd: exec.Command(command[0], command[1:]...), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.SysProcAttr = spec.Dir, env, dieWithParent()
	complaints := &tail{}
	p.cmd.Stderr = complaints
	var out io.ReadCloser
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if !spec.Silent {
		if out, err = p.cmd.StdoutPipe(); err != nil {
			return nil, err
		}
		p.out = bufio.NewScanner(out)
		p.out.Buffer(nil, 16<<20)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ready := make(chan struct{})
	var readiness error
	go func() {
		defer close(ready)
		readiness = p.awaitReady(ctx, spec)
	}()
	if spec.Silent { // nobody reads its output, so Wait may be called at once
		p.reap()
	}
	select {
	case <-ready:
		err = readiness
	case <-p.ended:
		err = fmt.Errorf("it ended: %w", p.err)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		p.cmd.Process.Kill()
		cancel()
		<-ready // its output has been read to the end
		if !spec.Silent {
			p.reap()
		}
		<-p.ended
		return nil, fmt.Errorf("%s: %w %s", strings.Join(command, " "), err, complaints)
	}
	return p, nil
}

func (p *Process) reap() {
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
}

func (p *Process) awaitReady(ctx context.Context, spec Spec) error {
	if spec.Silent {
		return spec.Listening(ctx)
	}
	for p.out.Scan() {
		if word, rest, _ := strings.Cut(p.out.Text(), " "); word == "ready" {
			p.Addresses = strings.Fields(rest)
			return nil
		}
	}
	return errors.New("it ended before it was ready")
}

// PID is the id of the process that is measured: if it was wrapped, of the one that the wrapper has started.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Do gives the process a command and returns its answer.
func (p *Process) Do(command string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil {
		return "", errors.New("the process does not take commands")
	}
	if _, err := io.WriteString(p.in, command+"\n"); err != nil {
		return "", err
	}
	if !p.out.Scan() {
		return "", fmt.Errorf("the process ended at %q", command)
	}
	word, rest, _ := strings.Cut(p.out.Text(), " ")
	if word != "ok" {
		return "", fmt.Errorf("%s: %s", command, rest)
	}
	return rest, nil
}

// DoJSON is Do with an answer that is JSON.
func (p *Process) DoJSON(command string, into any) error {
	text, err := p.Do(command)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}

// stopTimeout is how long a process may take to end by itself.
const stopTimeout = 10 * time.Second

// Stop ends the process: it is told by the end of its input, or by an interrupt if it does not listen to that, and killed if it does not go.
func (p *Process) Stop() error {
	if p.out == nil {
		p.cmd.Process.Signal(os.Interrupt)
	}
	p.in.Close()
	overdue := time.AfterFunc(stopTimeout, func() { p.cmd.Process.Kill() })
	defer overdue.Stop()
	if p.out != nil {
		p.mu.Lock()
		for p.out.Scan() {
		}
		p.mu.Unlock()
		p.reap()
	}
	<-p.ended
	if p.out == nil {
		return nil // how an interrupt is answered is its own affair
	}
	return p.err
}
