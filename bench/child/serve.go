// Package child runs the processes that are measured. Servers in Go are this program again, in a role; others are
// commands. A process says "ready" and its addresses on its standard output; then it answers a line of its standard input with
// a line, and ends when its input ends.
package child

import (
	"bufio"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
)

// The program runs itself again: these variables say what as.
const (
	roleVariable    = "TREFOIL_BENCH_ROLE"
	profileVariable = "TREFOIL_BENCH_PROFILE"
)

// Role starts what a process of some role does, and returns the addresses where it can be reached and what answers its commands
// (nil if there are none but those that all roles have).
type Role func() (addresses []string, commands map[string]Command, err error)

// Command answers one line, given what stood behind its name; it must not contain a line break.
type Command func(argument string) (string, error)

// Serving plays the role that this process was started for and ends the process; it returns if there is none. main and TestMain begin
// with it.
func Serving(roles map[string]Role) {
	name := os.Getenv(roleVariable)
	if name == "" {
		return
	}
	if err := serve(name, roles); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(name string, roles map[string]Role) error {
	role := roles[name]
	if role == nil {
		return fmt.Errorf("there is no such role")
	}
	addresses, commands, err := role()
	if err != nil {
		return err
	}
	if file := os.Getenv(profileVariable); file != "" {
		f, err := os.Create(file)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println("ready", strings.Join(addresses, " "))
	return answer(commands)
}

// answer answers commands until there are no more.
func answer(commands map[string]Command) error {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		name, argument, _ := strings.Cut(in.Text(), " ")
		command := commands[name]
		if command == nil {
			command = common[name]
		}
		if command == nil {
			fmt.Println("error there is no command " + name)
			continue
		}
		reply, err := command(argument)
		if err != nil {
			fmt.Println("error", strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		fmt.Println("ok", reply)
	}
	return in.Err()
}
