package api

import (
	"errors"
	"fmt"
	"net/http"
)

// Error is a refused or failed request. It is also the Go error that Client
// returns.
type Error struct {
	// Code is stable; programs branch on it.
	Code string `json:"code"`
	// Message says what is wrong and why; Hint what to do next.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Status is the HTTP status.
	Status int `json:"-"`
}

// The codes of errors.
const (
	CodeBadRequest   = "bad_request"
	CodeUnauthorized = "unauthorized"
	CodeForbidden    = "forbidden"
	CodeNotFound     = "not_found"
	CodeConflict     = "conflict"
	CodeLimit        = "limit"
	CodeUnavailable  = "unavailable"
	CodeInternal     = "internal"
)

var codeStatus = map[string]int{
	CodeBadRequest:   http.StatusBadRequest,
	CodeUnauthorized: http.StatusUnauthorized,
	CodeForbidden:    http.StatusForbidden,
	CodeNotFound:     http.StatusNotFound,
	CodeConflict:     http.StatusConflict,
	CodeLimit:        http.StatusUnprocessableEntity,
	CodeUnavailable:  http.StatusServiceUnavailable,
	CodeInternal:     http.StatusInternalServerError,
}

// ErrNoToken means that a secret, or an id, belongs to no token that is good.
var ErrNoToken = errors.New("no such token")

// Errorf makes an Error of a code.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: codeStatus[code]}
}

// WithHint adds what to do next and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Error gives the message, with the hint if there is one.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// HTTPStatus is the status an error travels with.
func (e *Error) HTTPStatus() int {
	if e.Status != 0 {
		return e.Status
	}
	if s, ok := codeStatus[e.Code]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// ErrorBody is the JSON body of every failed request.
type ErrorBody struct {
	Error *Error `json:"error"`
}
