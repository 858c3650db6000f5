package cloud

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind classifies an error of a cloud by what the caller can do about it.
type Kind int

// The kinds of errors.
const (
	// KindOther is a failure of the cloud or on the way to it: try again
	// later with the same token; the call may have had its effect.
	KindOther Kind = iota
	// KindNoCapacity means that the cloud has no room for such an instance
	// here and now: another type or zone may work, the same one later.
	KindNoCapacity
	// KindThrottled means too many calls: wait, then repeat the same call.
	KindThrottled
	// KindNotFound means that the named instance (or token) is unknown.
	KindNotFound
	// KindAuth means that we may not do this: repeating is useless until
	// somebody changes credentials or permissions.
	KindAuth
	// KindParameterMismatch means that the client token was used before with
	// other parameters. The earlier instance exists; see FindByToken.
	KindParameterMismatch
	// KindInvalid means that the request itself is wrong (unknown image,
	// malformed token, too much user-data): repeating is useless.
	KindInvalid
	// KindLimit means that an account or configuration limit is reached
	// (instance quota, free addresses): useless until something is ended.
	KindLimit
)

var kindNames = map[Kind]string{
	KindOther: "other", KindNoCapacity: "no_capacity", KindThrottled: "throttled",
	KindNotFound: "not_found", KindAuth: "auth", KindParameterMismatch: "parameter_mismatch",
	KindInvalid: "invalid", KindLimit: "limit",
}

// String is the stable name of the kind, used on wires and in logs.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("kind(%d)", int(k))
}

// ParseKind is the inverse of String; unknown names are KindOther.
func ParseKind(name string) Kind {
	for kind, known := range kindNames {
		if known == name {
			return kind
		}
	}
	return KindOther
}

// Error is a failure reported by a cloud.
type Error struct {
	Kind Kind
	// Op is what was asked, e.g. "launch" or "terminate i-0123".
	Op string
	// Code is the cloud's own code, e.g. InsufficientInstanceCapacity.
	Code string
	// Message is the cloud's own text.
	Message string
	// RetryAfter is the cloud's hint how long to wait, or zero.
	RetryAfter time.Duration
	// Err is the cause below, or nil.
	Err error
}

// Error renders "launch: InsufficientInstanceCapacity: text: cause".
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString(e.Op)
	for _, part := range []string{e.Code, e.Message} {
		if part != "" {
			text.WriteString(": " + part)
		}
	}
	if e.Code == "" && e.Message == "" && e.Err == nil {
		text.WriteString(": " + e.Kind.String())
	}
	if e.Err != nil {
		text.WriteString(": " + e.Err.Error())
	}
	return text.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the Kind of the first *Error in err's chain; KindOther when there
// is none, also for nil.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindOther
}

// IsKind reports whether err is a cloud error of this kind.
func IsKind(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}
