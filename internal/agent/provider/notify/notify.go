// Package notify writes messages to the log of a run.
package notify

import (
	"context"

	"kickoff/internal/agent/provider"
	"kickoff/internal/value"
)

// Provider writes messages.
type Provider struct{}

var _ provider.Provider = Provider{}

// New makes a provider.
func New() Provider { return Provider{} }

// Check implements provider.Provider: a message is never in sync.
func (Provider) Check(_ context.Context, r *provider.Resource) ([]provider.Change, error) {
	message := r.Params["message"]
	return []provider.Change{{
		Property: "message", Previous: value.String("absent"), Desired: message,
		Apply: func(context.Context) error {
			line := provider.Line{Level: provider.Notice, Message: message.String(), Property: "message"}
			if level := r.Text("loglevel"); level != "" {
				line.Level = provider.Level(level)
			}
			if r.Sensitive["message"] {
				line.Message = value.Redacted
			}
			line.Bare = r.Text("withpath") != "true"
			r.Report(line)
			return nil
		},
	}}, nil
}
