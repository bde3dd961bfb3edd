package main

import (
	"crypto/subtle"
	"encoding/json"
	"mime"
	"net/http"
	"time"

	"github.com/trefoilgo/trefoil/examples/internal/site"
	"github.com/trefoilgo/trefoil/status"
)

// loginRequest asks for an account.
type loginRequest struct {
	Name string `json:"name"`
	Role string `json:"role"`
	Key  string `json:"key"`
}

// loginAnswer is an account and the token that proves whose it is.
type loginAnswer struct {
	Token string `json:"token"`
	ID    string `json:"id"`
	Name  string `json:"name"`
	Role  string `json:"role"`
}

// problem is an error as the HTTP addresses answer it.
type problem struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Limits of a login.
const (
	maxLogin     = 4 << 10 // bytes
	loginTimeout = 10 * time.Second
)

// login serves POST /api/login.
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		fail(w, status.New(status.InvalidArgument, "auction.bad_request", "the request must be application/json"))
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(loginTimeout)) // who sends slowly does not hold on for ever
	var in loginRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLogin)).Decode(&in); err != nil {
		fail(w, status.New(status.InvalidArgument, "auction.bad_request", "the request must be an object with name and role"))
		return
	}
	role := in.Role
	switch {
	case in.Key != "":
		if subtle.ConstantTimeCompare([]byte(in.Key), []byte(s.key)) != 1 {
			fail(w, status.New(status.Unauthenticated, "auction.bad_key", "that is not the auctioneer's key"))
			return
		}
		role = roleAuctioneer
	case role != roleBidder && role != roleSeller:
		fail(w, status.New(status.InvalidArgument, "auction.bad_role", "choose to be a bidder or a seller"))
		return
	}
	who, token, err := s.house.signUp(r.Context(), in.Name, role, false, s.house.starting)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, loginAnswer{Token: token, ID: who.ID, Name: who.Name, Role: who.Role})
}

// answer writes v as JSON; what people typed is in it as text, whatever it looks like.
func answer(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		code, body = http.StatusInternalServerError, []byte(`{"reason":"auction.internal","message":"the answer cannot be written"}`)
	}
	site.Protect(w.Header())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	w.Write(body)
}

// fail answers with an error.
func fail(w http.ResponseWriter, err error) {
	e := status.From(err)
	code := http.StatusInternalServerError
	switch e.Code {
	case status.InvalidArgument:
		code = http.StatusBadRequest
	case status.Unauthenticated:
		code = http.StatusUnauthorized
	case status.PermissionDenied:
		code = http.StatusForbidden
	case status.NotFound:
		code = http.StatusNotFound
	case status.AlreadyExists, status.Aborted:
		code = http.StatusConflict
	case status.ResourceExhausted:
		code = http.StatusTooManyRequests
	case status.Unavailable, status.DeadlineExceeded, status.Canceled:
		code = http.StatusServiceUnavailable
	}
	answer(w, code, problem{Reason: string(e.Reason), Message: e.Message})
}
