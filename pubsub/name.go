package pubsub

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trefoilgo/trefoil/status"
)

// maxName is the longest topic, filter, log and key in bytes (docs/PROTOCOL.md, section 2).
const maxName = 255

// maxEpoch is the longest epoch in bytes (there too).
const maxEpoch = 32

// The wildcard segments of a filter.
const (
	anySegment = "*" // exactly one segment
	anyRest    = ">" // one segment or more, at the end
)

// checkTopic says whether s names one topic.
func checkTopic(s string) error { return checkName(s, false) }

// checkFilter says whether s is a topic or a wildcard over topics.
func checkFilter(s string) error { return checkName(s, true) }

func checkName(s string, wildcards bool) error {
	what := "topic"
	if wildcards {
		what = "filter"
	}
	if s == "" || len(s) > maxName || !utf8.ValidString(s) {
		return badName("a %s is 1 to %d bytes of UTF-8", what, maxName)
	}
	rest := s
	if ns, after, ok := strings.Cut(s, ":"); ok {
		if !plainSegment(ns) {
			return badName("a namespace is one plain segment before a colon")
		}
		rest = after
	}
	for more := true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, ".")
		if wildcards && (segment == anySegment || segment == anyRest && !more) {
			continue
		}
		if !plainSegment(segment) {
			return badName("a %s is segments between dots, none empty, without '*', '>', ':', white space and control characters", what)
		}
	}
	return nil
}

func badName(format string, args ...any) error {
	return status.New(status.InvalidArgument, ErrBadTopic, format, args...)
}

// plainSegment reports whether s can stand for itself as one segment. What a
// template's parameters must satisfy: otherwise a room called "a.>" would widen a topic.
func plainSegment(s string) bool {
	if s == "" || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		switch {
		case r == '.' || r == '*' || r == '>' || r == ':':
			return false
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return false
		}
	}
	return true
}

// isPlain reports whether a valid filter names exactly one topic.
func isPlain(filter string) bool {
	return !strings.Contains(filter, anySegment) && !strings.HasSuffix(filter, anyRest)
}

// cutNamespace splits a valid name into its namespace, "" the default one, and the segments.
func cutNamespace(name string) (ns, rest string) {
	if i := strings.IndexByte(name, ':'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

// cutSegment splits off the first segment; last tells that there are no more.
func cutSegment(s string) (segment, rest string, last bool) {
	if i := strings.IndexByte(s, '.'); i >= 0 {
		return s[:i], s[i+1:], false
	}
	return s, "", true
}
