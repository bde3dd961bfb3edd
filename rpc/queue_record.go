package rpc

import (
	"hash/fnv"

	"github.com/trefoilgo/trefoil/codec"
	"github.com/trefoilgo/trefoil/status"
)

const (
	queueSpace  = "rpc" // of the client's storage
	queueFormat = 1
	queueHead   = 9 // a format byte and a checksum
)

// appendQueued is the record of a queued call: a format byte, a checksum of key and body, and procedure, metadata and input.
func appendQueued(key string, req *Request) []byte {
	b := make([]byte, queueHead, queueHead+64+len(req.Payload))
	b = codec.AppendString(b, req.Procedure)
	b = appendMetadata(b, req.Metadata)
	b = append(b, req.Payload...)
	b[0] = queueFormat
	copy(b[1:], queueSum(key, b[queueHead:]))
	return b
}

func queueSum(key string, body []byte) []byte {
	h := fnv.New64a()
	h.Write([]byte(key))
	h.Write([]byte{0})
	h.Write(body)
	return h.Sum(nil)
}

// readQueued reads a record; it may be anything.
func readQueued(key string, record []byte) (Request, error) {
	bad := status.New(status.DataLoss, "rpc.damaged", "the record is damaged")
	switch {
	case len(record) > 0 && record[0] > queueFormat:
		return Request{}, status.New(status.FailedPrecondition, "rpc.format_newer", "a later version wrote the record")
	case len(record) < queueHead || record[0] != queueFormat || string(queueSum(key, record[queueHead:])) != string(record[1:queueHead]):
		return Request{}, bad
	}
	rest := record[queueHead:]
	for range 3 {
		n, err := codec.Check(rest)
		if err != nil {
			return Request{}, bad
		}
		rest = rest[n:]
	}
	r := codec.NewReader(record[queueHead:], 3)
	name := r.String()
	md, over, err := readMetadata(&r)
	payload := r.Raw()
	if err != nil || r.Err() != nil || len(rest) > 0 || over || !md.valid() || !validName(name) {
		return Request{}, bad
	}
	return Request{Info: Info{Procedure: name, Metadata: md}, Payload: payload}, nil
}
