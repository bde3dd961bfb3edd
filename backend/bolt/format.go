package bolt

import (
	"bytes"

	"go.etcd.io/bbolt"

	"github.com/trefoilgo/trefoil/status"
)

// Formats that this version writes and reads.
const (
	fileFormat   = 2 // 1 had a snapshot where there are pieces now; no release wrote it
	logFormat    = 1
	clientFormat = 1
)

var (
	formatBucket = []byte("format")
	versionKey   = []byte("version")
)

func (h hooks) writeFormat(tx *bbolt.Tx) error {
	if h.client {
		return writeClient(tx)
	}
	b, err := tx.CreateBucketIfNotExists(formatBucket)
	if err != nil {
		return err
	}
	return b.Put(versionKey, []byte{fileFormat})
}

// checkFormat reads the format of the file, and writes it to a file that is still empty.
func (s *Store) checkFormat(h hooks) error {
	empty := false
	err := s.view(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(clientBucket); h.client && b != nil {
			return formatError(b.Get(versionKey), clientFormat, "the file")
		}
		if b := tx.Bucket(formatBucket); !h.client && b != nil {
			return formatError(b.Get(versionKey), fileFormat, "the file")
		}
		first, _ := tx.Cursor().First()
		if first != nil {
			return status.New(status.FailedPrecondition, ErrForeign, "the file belongs to another program: it begins with %.40q", first)
		}
		empty = true
		return nil
	})
	if err != nil || !empty {
		return err
	}
	return s.update(h.writeFormat)
}

// formatError says what is wrong with a format byte, nil if nothing is.
func formatError(stored []byte, known byte, what string) error {
	switch {
	case len(stored) != 1 || stored[0] == 0:
		return damaged("the format of %s is not readable: %x", what, bytes.Clone(stored))
	case stored[0] > known:
		return status.New(status.FailedPrecondition, ErrFormatNewer,
			"%s has format %d; this version reads up to %d", what, stored[0], known)
	case stored[0] < known:
		return status.New(status.FailedPrecondition, ErrFormatOlder,
			"%s has format %d, which no release has written; this version reads %d", what, stored[0], known)
	}
	return nil
}
