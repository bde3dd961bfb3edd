package transport_test

import (
	"context"
	"testing"

	"github.com/trefoilgo/trefoil/transport"
	"github.com/trefoilgo/trefoil/transport/storagetest"
)

func TestMemoryStorage(t *testing.T) {
	storagetest.Run(t, func(*testing.T, string) transport.Storage { return transport.NewMemoryStorage() }, false)
}

// TestStorageKey: the client is who its Storage says; a key besides that is a mistake of the program.
func TestStorageKey(t *testing.T) {
	server := transport.NewServer(nil)
	defer server.Close(context.Background())
	storage := transport.NewMemoryStorage()
	for range 2 {
		conn, err := transport.Dial(context.Background(), "pipe:", &transport.ClientOptions{Dialer: server.Pipe(), Storage: storage})
		if err != nil {
			t.Fatal(err)
		}
		if conn.ID() != storage.Key().Client() {
			t.Error("the client has another id than its storage")
		}
		conn.Close()
	}
	defer func() {
		if recover() == nil {
			t.Error("Key and Storage together are taken")
		}
	}()
	transport.Connect("pipe:", &transport.ClientOptions{Dialer: server.Pipe(), Storage: storage, Key: transport.NewKey()})
}
