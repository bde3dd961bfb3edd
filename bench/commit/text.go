package commit

import (
	"fmt"
	"strings"
)

// Written is how many bytes a durable commit writes.
const Written = 256

// Text is what the n-th commit of a caller writes.
func Text(n int64) string { return fmt.Sprintf("%020d", n) + strings.Repeat("x", Written-20) }
