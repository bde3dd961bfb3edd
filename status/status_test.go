package status_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/trefoilgo/trefoil/status"
)

func TestCodes(t *testing.T) {
	// The numbers are on the wire and never change.
	want := strings.Fields("canceled unknown invalid_argument deadline_exceeded not_found already_exists permission_denied " +
		"resource_exhausted failed_precondition aborted out_of_range unimplemented internal unavailable data_loss unauthenticated")
	for i, name := range want {
		code := status.Code(i + 1)
		if code.String() != name || code.Error() != name || !code.Valid() {
			t.Errorf("%d is %s (valid: %v), want %s", i+1, code, code.Valid(), name)
		}
	}
	for _, code := range []status.Code{0, 17, 255} {
		if code.Valid() {
			t.Errorf("%d is valid", code)
		}
	}
	if got := status.Code(77).String(); got != "code_77" {
		t.Error(got)
	}
	if status.Canceled != 1 || status.Aborted != 10 || status.Unauthenticated != 16 {
		t.Error("a constant has another number")
	}
}

const errConflict = status.Reason("dstm.conflict")

func TestErrorIs(t *testing.T) {
	err := fmt.Errorf("update: %w", status.New(status.Aborted, errConflict, "lost against %d", 7))
	for target, want := range map[error]bool{
		status.Aborted: true, errConflict: true, status.NotFound: false, status.Reason("dstm.denied"): false, status.Reason(""): false, io.EOF: false,
	} {
		if errors.Is(err, target) != want {
			t.Errorf("Is(%v) is not %v", target, want)
		}
	}
	if errors.Is(status.New(status.Aborted, "", ""), status.Reason("")) {
		t.Error("an error without a reason has the reason \"\"")
	}
}

func TestErrorText(t *testing.T) {
	e := status.New(status.Unavailable, "transport.lost", "connection %s", "lost").MaybeDone()
	if got, want := e.Error(), "unavailable: connection lost (transport.lost), outcome unknown"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (&status.Error{Code: status.NotFound}).Error(); got != "not_found" {
		t.Error(got)
	}
}

// The methods that seem to change an Error leave it as it is.
func TestErrorIsImmutable(t *testing.T) {
	e := status.New(status.Internal, "", "broken").WithDetail("a", 1)
	because := e.Because(io.EOF)
	detailed := e.WithDetail("b", 2)
	maybe := e.MaybeDone()
	if errors.Is(e, io.EOF) || !errors.Is(because, io.EOF) {
		t.Error("Because")
	}
	if len(e.Details) != 1 || len(detailed.Details) != 2 || detailed.Details["a"] != 1 {
		t.Error("WithDetail")
	}
	if e.Unknown || !maybe.Unknown || !status.OutcomeUnknown(fmt.Errorf("call: %w", maybe)) || status.OutcomeUnknown(e) || status.OutcomeUnknown(io.EOF) {
		t.Error("MaybeDone")
	}
}

func TestFrom(t *testing.T) {
	e := status.New(status.NotFound, "x.y", "gone")
	var none *status.Error
	secret := errors.New("password is swordfish")
	for _, c := range []struct {
		name   string
		in     error
		code   status.Code
		reason status.Reason
	}{
		{"wrapped Error", fmt.Errorf("call: %w", e), status.NotFound, "x.y"},
		{"code", fmt.Errorf("call: %w", status.DataLoss), status.DataLoss, ""},
		{"reason", fmt.Errorf("call: %w", errConflict), status.Unknown, errConflict},
		{"deadline", fmt.Errorf("call: %w", context.DeadlineExceeded), status.DeadlineExceeded, ""},
		{"cancel", context.Canceled, status.Canceled, ""},
		{"other", secret, status.Unknown, ""},
		{"Error without a code", &status.Error{Reason: "x.y"}, status.Unknown, "x.y"},
		{"Error with a wrong code", &status.Error{Code: 99}, status.Unknown, ""},
		{"wrong code", status.Code(99), status.Unknown, ""},
		{"nil *Error in an error", none, status.Unknown, ""},
	} {
		got := status.From(c.in)
		if got.Code != c.code || got.Reason != c.reason || status.CodeOf(c.in) != c.code {
			t.Errorf("%s: %+v", c.name, got)
		}
		if c.in == secret && (strings.Contains(got.Error(), "swordfish") || !errors.Is(got, secret)) {
			t.Errorf("%s: %v tells the peer, or hides from the log, what went wrong", c.name, got)
		}
	}
	if status.From(e) != e {
		t.Error("an Error is not returned as it is")
	}
	if status.From(nil) != nil || status.CodeOf(nil) != 0 || status.OutcomeUnknown(nil) || status.OutcomeUnknown(none) {
		t.Error("nil is an error")
	}
}

func ExampleCode() {
	const ErrNoSuchLot = status.Reason("auction.no_such_lot")
	err := fmt.Errorf("bid: %w", status.New(status.NotFound, ErrNoSuchLot, "lot %d is not for sale", 7))

	fmt.Println(errors.Is(err, status.NotFound), errors.Is(err, ErrNoSuchLot), errors.Is(err, status.Aborted))
	fmt.Println(status.From(err).Message)
	// Output:
	// true true false
	// lot 7 is not for sale
}
