package site

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/trefoilgo/trefoil/backend/bolt"
)

// Main is the main function of a program called name: run ends when Ctrl-C or SIGTERM has ended its context, and the exit code is 1 if it returns an error.
func Main(name string, run func(ctx context.Context, args []string, out io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) { // the flags have been printed
			fmt.Fprintln(os.Stderr, name+":", err)
		}
		os.Exit(1)
	}
}

// Parse parses args, which are flags alone.
func Parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return nil
}

// Explain adds to an error of opening the file called data what to do about it. name is the program.
func Explain(name, data string, err error) error {
	if errors.Is(err, bolt.ErrLocked) {
		return fmt.Errorf("%s is in use by another program, perhaps another %s: stop it or choose another file with -data", data, name)
	}
	return fmt.Errorf("cannot open %s: %w", data, err)
}
