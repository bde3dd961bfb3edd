//go:build !linux

package server

import (
	"errors"

	"github.com/trefoilgo/trefoil/bench/child"
)

func fdatasync() ([]string, map[string]child.Command, error) {
	return nil, nil, errors.New("fdatasync is measured on Linux only")
}
