// Command auction is a live auction house in the browser: a bid is a transaction of the bidder's own client over a lot and an account, checked
// inside the commit; prices and the hammer are published, lots are opened by calls, all of it over one WebSocket for each page. Robots bid in the
// background.
//
//	go run ./examples/auction
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

func main() {
	tuneMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "auction:", err)
		}
		os.Exit(1)
	}
}

// tuneMemory has garbage collected a quarter as often as usual: what lives is small, and each bid makes much that does not. GOGC decides if it is set.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// closeTimeout bounds how long a stopping server waits for what it has begun, and checkTimeout how long the self-check may take.
const (
	closeTimeout = 5 * time.Second
	checkTimeout = 5 * time.Minute
)

// errCheck is what run ends with if the books are not right.
var errCheck = errors.New("the self-check failed")

// run serves until ctx is done; then it checks the books and closes everything.
func run(ctx context.Context, args []string, out io.Writer) error {
	return runOn(ctx, args, out, usualTerms())
}

func runOn(ctx context.Context, args []string, out io.Writer, how terms) (err error) {
	flags := flag.NewFlagSet("auction", flag.ContinueOnError)
	// All interfaces: an auction is there to be joined from the computer next to this one.
	addr := flags.String("addr", ":8080", "address to listen on; localhost:8080 keeps the house to this computer")
	data := flags.String("data", "auction.db", "file that holds the house; it is made if it does not exist")
	bots := flags.Int("bots", 24, "how many robots bid and sell")
	rate := flags.Float64("rate", 3, "about how many bids all robots together make in a second")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case *bots < 0 || *bots > maxRobots:
		return fmt.Errorf("-bots is 0 to %d", maxRobots)
	case !(*rate >= 0 && *rate <= maxRate):
		return fmt.Errorf("-rate is 0 to %d", maxRate)
	}

	listener, err := listen(*addr)
	if err != nil {
		return err
	}
	s, err := open(*data, how)
	if err != nil {
		listener.Close()
		return err
	}
	web := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	announce(out, listener.Addr(), *data, s.key)
	robots, err := startRobots(ctx, s, *bots, *rate)
	if err == nil {
		select {
		case err = <-failed:
		case <-ctx.Done():
			fmt.Fprintln(out, "closing")
		}
	}
	robots.stop()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err = errors.Join(err, web.Shutdown(limited), s.hush(limited))
	err = errors.Join(err, lastCheck(s, out))
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(err, s.close(closing))
}

// lastCheck checks the books when nobody bids any more, and prints what it found.
func lastCheck(s *server, out io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	report, err := s.check(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errCheck, err)
	}
	for _, line := range report.Lines {
		fmt.Fprintln(out, line)
	}
	if !report.OK {
		return errCheck
	}
	return nil
}
