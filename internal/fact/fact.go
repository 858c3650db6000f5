// Package fact is what a node knows about itself, in the form in which agents send it.
package fact

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kickoff/internal/value"
)

// Facts are the facts of one node at one time.
type Facts struct {
	// Name is the certname of the node.
	Name string
	// Values are the facts by name; never nil after decoding.
	Values *value.Hash
	// Timestamp is when they were collected, Expiration until when they are good. Both may be zero.
	Timestamp, Expiration time.Time
}

type wireFacts struct {
	Name       string          `json:"name"`
	Values     json.RawMessage `json:"values"`
	Timestamp  string          `json:"timestamp,omitempty"`
	Expiration string          `json:"expiration,omitempty"`
}

// MarshalJSON gives the form that an agent sends with its catalog request.
func (f *Facts) MarshalJSON() ([]byte, error) {
	values := f.Values
	if values == nil {
		values = value.NewHash(0)
	}
	return json.Marshal(wireFacts{
		Name: f.Name, Values: value.AppendJSON(nil, values),
		Timestamp: formatTime(f.Timestamp), Expiration: formatTime(f.Expiration),
	})
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// UnmarshalJSON reads what an agent sends. Times that cannot be read stay zero: agents of different releases write them
// differently and nothing depends on them.
func (f *Facts) UnmarshalJSON(data []byte) error {
	var w wireFacts
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("decode facts: %w", err)
	}
	if len(w.Values) == 0 {
		return errors.New("decode facts: values are missing")
	}
	v, err := value.ParseJSON(w.Values)
	if err != nil {
		return fmt.Errorf("decode facts: %w", err)
	}
	values, ok := v.(*value.Hash)
	if !ok {
		return errors.New("decode facts: values are no hash")
	}
	*f = Facts{Name: w.Name, Values: values, Timestamp: parseTime(w.Timestamp), Expiration: parseTime(w.Expiration)}
	return nil
}

func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05 -0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}
