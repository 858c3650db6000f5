// Package api is the interface of a running local cloud: JSON over HTTP on a
// unix socket. It holds the shapes and a client, and nothing of the engine.
//
//	GET    /v1/info                      Info
//	POST   /v1/instances                 LaunchRequest -> Instance
//	GET    /v1/instances[?token=T]       []Instance
//	GET    /v1/instances/{id}            Instance
//	DELETE /v1/instances/{id}            terminate (accepted; the state tells when it is done)
//	POST   /v1/instances/{id}/fail       end it abruptly, as a failing host would
//	POST   /v1/instances/{id}/reboot     restart on the same disk
//	GET    /v1/instances/{id}/console    what it printed last, as plain text
//	GET    /v1/identity-certificate      PEM: who signs the identity documents
//
// An error is any status of 400 and above, with {"error": Error} as body.
package api

import "time"

// LaunchRequest asks for one machine.
type LaunchRequest struct {
	Token          string            `json:"token"`
	Image          string            `json:"image"`
	Type           string            `json:"type,omitempty"`
	Zone           string            `json:"zone,omitempty"`
	SecurityGroups []string          `json:"security_groups,omitempty"`
	Tags           map[string]string `json:"tags,omitempty"`
	UserData       []byte            `json:"user_data,omitempty"`
	KeyName        string            `json:"key_name,omitempty"`
}

// Instance is one machine, alive or ended.
type Instance struct {
	ID             string            `json:"id"`
	Token          string            `json:"token"`
	State          string            `json:"state"`
	StateReason    string            `json:"state_reason,omitempty"`
	PrivateIP      string            `json:"private_ip"`
	PrivateDNSName string            `json:"private_dns_name"`
	MAC            string            `json:"mac"`
	Type           string            `json:"type"`
	Zone           string            `json:"zone"`
	Image          string            `json:"image"`
	ImageID        string            `json:"image_id"`
	SecurityGroups []string          `json:"security_groups"`
	Tags           map[string]string `json:"tags"`
	KeyName        string            `json:"key_name,omitempty"`
	LaunchTime     time.Time         `json:"launch_time"`
	EndTime        time.Time         `json:"end_time,omitzero"`
	// PID is the host's process id of the machine's init, zero when it has none.
	PID int `json:"pid,omitempty"`
	// Boots counts how often it was started.
	Boots int `json:"boots"`
}

// The states of an instance, as EC2 names them.
const (
	Pending      = "pending"
	Running      = "running"
	ShuttingDown = "shutting-down"
	Terminated   = "terminated"
)

// MaxConsole is the most that the console answers, in bytes.
const MaxConsole = 64 << 10

// MaxUserData is the largest user-data, in bytes, as on EC2.
const MaxUserData = 16 << 10

// Info describes the local cloud.
type Info struct {
	Version     string   `json:"version"`
	PID         int      `json:"pid"`
	Subnet      string   `json:"subnet"`
	HostAddress string   `json:"host_address"`
	HostName    string   `json:"host_name"`
	Gateway     string   `json:"gateway"`
	Images      []string `json:"images"`
	AccountID   string   `json:"account_id"`
	StateDir    string   `json:"state_dir"`
	Limit       int      `json:"limit"`
}

// Error is why a request was refused.
type Error struct {
	// Code is EC2's code where it has one.
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Error renders "Code: message".
func (e *Error) Error() string {
	if e.Hint != "" {
		return e.Code + ": " + e.Message + " (" + e.Hint + ")"
	}
	return e.Code + ": " + e.Message
}

// The codes of errors; those of EC2 where it has one.
const (
	CodeInvalid      = "InvalidParameterValue"
	CodeNoImage      = "InvalidAMIID.NotFound"
	CodeNotFound     = "InvalidInstanceID.NotFound"
	CodeMismatch     = "IdempotentParameterMismatch"
	CodeLimit        = "InstanceLimitExceeded"
	CodeNoAddress    = "InsufficientFreeAddressesInSubnet"
	CodeState        = "IncorrectInstanceState"
	CodeUnauthorized = "UnauthorizedOperation"
	CodeInternal     = "InternalError"
	CodeStopping     = "Unavailable"
)

// ErrorBody is the body of every error.
type ErrorBody struct {
	Error *Error `json:"error"`
}
