package codec

import "strconv"

// Error says why bytes are no value, or a Go value has no place among the
// values. It is this package's only error type. The reasons:
//
//	codec.truncated       the bytes end inside a value
//	codec.count           a list or map announces more than the bytes left can hold
//	codec.depth           nested deeper than allowed
//	codec.invalid_code    0xc1, which msgpack never uses
//	codec.utf8            a string is not UTF-8, or JSON holds a lone surrogate
//	codec.key_type        a map key is no string
//	codec.duplicate_key   a map holds a key twice
//	codec.extension       an extension other than a timestamp
//	codec.time            a timestamp outside the years 1 to 9999, or with too many nanoseconds
//	codec.integer_range   an integer that int64, or the Go field, cannot hold
//	codec.trailing        bytes after the value
//	codec.too_large       more than 4 GiB
//	codec.json            not JSON (RFC 8259), or a number beyond float64
//	codec.wrapper         a JSON object such as {"$int": ...} that is unknown or malformed
//	codec.kind            the value is of another kind than was asked for
//	codec.missing         no value is left
//	codec.type            a Go type that has no place among the values
type Error struct {
	// Reason is stable, one of those above; programs may branch on it.
	Reason string
	// Offset is the position in the input where the defect was seen, -1 if it
	// has none.
	Offset int
	// Message is for a person who debugs. It never repeats the input.
	Message string

	cause error
}

// Error is the message, the position and the reason.
func (e *Error) Error() string {
	s := "codec: " + e.Message
	if e.Offset >= 0 {
		s += " at byte " + strconv.Itoa(e.Offset)
	}
	return s + " (" + e.Reason + ")"
}

// Unwrap is the library's own error, where there is one.
func (e *Error) Unwrap() error { return e.cause }

const (
	reasonTruncated    = "codec.truncated"
	reasonCount        = "codec.count"
	reasonDepth        = "codec.depth"
	reasonInvalidCode  = "codec.invalid_code"
	reasonUTF8         = "codec.utf8"
	reasonKeyType      = "codec.key_type"
	reasonDuplicateKey = "codec.duplicate_key"
	reasonExtension    = "codec.extension"
	reasonTime         = "codec.time"
	reasonIntegerRange = "codec.integer_range"
	reasonTrailing     = "codec.trailing"
	reasonTooLarge     = "codec.too_large"
	reasonJSON         = "codec.json"
	reasonWrapper      = "codec.wrapper"
	reasonKind         = "codec.kind"
	reasonMissing      = "codec.missing"
	reasonType         = "codec.type"
)

// messages holds the sentence for each reason that needs no more than one.
var messages = map[string]string{
	reasonTruncated:    "the bytes end inside a value",
	reasonCount:        "more elements announced than bytes are left",
	reasonDepth:        "nested too deep",
	reasonInvalidCode:  "0xc1 begins no value",
	reasonUTF8:         "string is not valid UTF-8",
	reasonKeyType:      "map key is not a string",
	reasonDuplicateKey: "map holds a key twice",
	reasonExtension:    "extension is not a timestamp",
	reasonTime:         "timestamp out of range",
	reasonIntegerRange: "integer out of range",
	reasonTrailing:     "bytes after the value",
	reasonTooLarge:     "input is larger than 4 GiB",
	reasonMissing:      "no value left",
}

func fail(reason string, offset int) *Error {
	return &Error{Reason: reason, Offset: offset, Message: messages[reason]}
}

func failf(reason string, offset int, message string) *Error {
	return &Error{Reason: reason, Offset: offset, Message: message}
}
