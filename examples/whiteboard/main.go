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

	"github.com/trefoilgo/trefoil/examples/internal/site"
)

func main() { site.Main("whiteboard", run) }

// run serves until ctx is done and then closes everything.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("whiteboard", flag.ContinueOnError)
	// All interfaces: a board is there to be shown to the computer next to this one.
	addr := flags.String("addr", ":8080", "address to listen on; localhost:8080 keeps the boards to this computer")
	data := flags.String("data", "whiteboard.db", "file that holds the boards; it is made if it does not exist")
	if err := site.Parse(flags, args); err != nil {
		return err
	}

	listener, err := site.Listen(*addr)
	if err != nil {
		return err
	}
	s, err := open(*data)
	if err != nil {
		listener.Close()
		return err
	}
	web := site.Serve(listener, s.handler())
	announce(out, site.AddressesOf(listener.Addr()), *data)
	if err = web.Wait(ctx); err == nil {
		fmt.Fprintln(out, "closing")
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), site.CloseTimeout)
	defer cancel()
	return errors.Join(err, web.Shutdown(limited), s.close(limited))
}

// announce prints where the boards are.
func announce(out io.Writer, at site.Addresses, data string) {
	fmt.Fprintf(out, "whiteboard   %s\n", at.Here)
	for _, address := range at.Net {
		fmt.Fprintf(out, "on this net  %s\n", address)
	}
	if len(at.Net) > 0 {
		fmt.Fprintf(out, "Whoever reaches these addresses can draw; -addr localhost:%s keeps the boards to this computer.\n", at.Port)
	}
	fmt.Fprintf(out, "boards are kept in %s; stop with Ctrl-C\n", data)
}
