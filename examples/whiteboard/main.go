// Command whiteboard serves shared whiteboards to browsers: shapes are transactional objects, cursors are
// published, boards are listed and made by calls, all of it over one WebSocket for each page.
//
//	go run ./examples/whiteboard
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
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "whiteboard:", err)
		}
		os.Exit(1)
	}
}

// closeTimeout bounds how long a stopping server waits for what it has begun.
const closeTimeout = 5 * time.Second

// run serves until ctx is done and then closes everything.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("whiteboard", flag.ContinueOnError)
	// All interfaces: a board is there to be shown to the computer next to this one.
	addr := flags.String("addr", ":8080", "address to listen on; localhost:8080 keeps the boards to this computer")
	data := flags.String("data", "whiteboard.db", "file that holds the boards; it is made if it does not exist")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	listener, err := listen(*addr)
	if err != nil {
		return err
	}
	s, err := open(*data)
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
	announce(out, listener.Addr(), *data)

	select {
	case err = <-failed:
	case <-ctx.Done():
		fmt.Fprintln(out, "closing")
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(err, web.Shutdown(limited), s.close(limited))
}
