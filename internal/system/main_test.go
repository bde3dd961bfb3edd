package system

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
	"github.com/trefoilgo/trefoil/internal/leak"
	"github.com/trefoilgo/trefoil/transport"
)

// The test binary runs itself again as the server that is to be killed.
const (
	serveFile = "TREFOIL_SYSTEM_FILE"
	serveAddr = "TREFOIL_SYSTEM_ADDR"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(serveFile); file != "" {
		if err := serve(file, os.Getenv(serveAddr)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	if file := os.Getenv(clientFile); file != "" {
		if err := work(file, os.Getenv(clientURL), os.Getenv(clientRun)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(leak.Main(m))
}

// serve is a server with its store in file; it says "ready" and its address, and ends only by a signal.
func serve(file, addr string) error {
	store, err := bolt.Open(file, nil)
	if err != nil {
		return err
	}
	log, err := store.Log("main")
	if err != nil {
		return err
	}
	objects, err := dstm.NewStore(log, &dstm.StoreOptions{
		Rules: []dstm.Rule{{Object: "**", Open: dstm.AllowAll, Write: dstm.AllowAll}},
		// Small enough that kills meet snapshots and truncations too, but not what came since the last kill.
		CheckpointEntries: 500,
		Recent:            3 << 20,
		KeepBytes:         256 << 10,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println("ready", listener.Addr())
	return http.Serve(listener, transport.NewServer(nil, objects))
}
