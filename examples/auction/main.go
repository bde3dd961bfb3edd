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
	"os"
	"runtime/debug"
	"time"

	"github.com/trefoilgo/trefoil/examples/internal/site"
)

func main() {
	tuneMemory()
	site.Main("auction", run)
}

// tuneMemory has garbage collected a quarter as often as usual: what lives is small, and each bid makes much that does not. GOGC decides if it is set.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// checkTimeout bounds how long the self-check may take.
const checkTimeout = 5 * time.Minute

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
	if err := site.Parse(flags, args); err != nil {
		return err
	}
	switch {
	case *bots < 0 || *bots > maxRobots:
		return fmt.Errorf("-bots is 0 to %d", maxRobots)
	case !(*rate >= 0 && *rate <= maxRate):
		return fmt.Errorf("-rate is 0 to %d", maxRate)
	}

	listener, err := site.Listen(*addr)
	if err != nil {
		return err
	}
	s, err := open(*data, how)
	if err != nil {
		listener.Close()
		return err
	}
	web := site.Serve(listener, s.handler())
	announce(out, site.AddressesOf(listener.Addr()), *data, s.key)
	robots, err := startRobots(ctx, s, *bots, *rate)
	if err == nil {
		if err = web.Wait(ctx); err == nil {
			fmt.Fprintln(out, "closing")
		}
	}
	robots.stop()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), site.CloseTimeout)
	defer cancel()
	err = errors.Join(err, web.Shutdown(limited), s.hush(limited))
	err = errors.Join(err, lastCheck(s, out))
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), site.CloseTimeout)
	defer cancel()
	return errors.Join(err, s.close(closing))
}

// announce prints where the house is.
func announce(out io.Writer, at site.Addresses, data, key string) {
	fmt.Fprintf(out, "auction      %s\nauctioneer   %s/?key=%s\n", at.Here, at.Here, key)
	for _, address := range at.Net {
		fmt.Fprintf(out, "on this net  %s\n", address)
	}
	if len(at.Net) > 0 {
		fmt.Fprintf(out, "Whoever reaches these addresses can bid; -addr localhost:%s keeps the house to this computer.\n", at.Port)
	}
	fmt.Fprintf(out, "the house is kept in %s; stop with Ctrl-C\n", data)
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
