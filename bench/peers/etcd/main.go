// Etcd is etcd as a peer of the benchmark: the server, embedded, and the clients that make its load, each a process of its
// own. It is a module of its own because of all that etcd depends on.
package main

import (
	"fmt"
	"os"

	"github.com/trefoilgo/trefoil/bench/child"
)

// addressVariable tells the load where the server is.
const addressVariable = "TREFOIL_BENCH_ADDRESS"

// dirVariable names the folder for the server's files.
const dirVariable = "TREFOIL_BENCH_DIR"

var roles = map[string]child.Role{"server": serve, "load": load}

func main() {
	child.Serving(roles)
	fmt.Fprintln(os.Stderr, "this program is started by the benchmark")
	os.Exit(2)
}
