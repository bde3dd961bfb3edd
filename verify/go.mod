module github.com/trefoilgo/trefoil/verify

go 1.25.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/trefoilgo/trefoil v0.0.0-00010101000000-000000000000
)

require (
	github.com/gorilla/websocket v1.5.3 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	go.etcd.io/bbolt v1.5.0 // indirect
	golang.org/x/sys v0.45.0 // indirect
)

replace github.com/trefoilgo/trefoil => ../
