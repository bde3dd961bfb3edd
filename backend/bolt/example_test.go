package bolt_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/trefoilgo/trefoil/backend/bolt"
	"github.com/trefoilgo/trefoil/dstm"
)

func Example() {
	folder, err := os.MkdirTemp("", "trefoil")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)

	store, err := bolt.Open(filepath.Join(folder, "trefoil.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	main, err := store.Log("main")
	if err != nil {
		log.Fatal(err)
	}
	// What follows is dstm's work; a program gives the log to dstm.NewStore.
	head, err := main.Append(context.Background(), 0, dstm.Batch{Entries: [][]byte{[]byte("hello")}})
	fmt.Println(head, err)
	// Output: 1 <nil>
}
