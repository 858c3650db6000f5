package apply

import (
	"fmt"
	"slices"
	"strings"

	"kickoff/internal/agent/provider"
	"kickoff/internal/report"
	"kickoff/internal/value"
)

// redacted is what events show in place of a secret.
const redacted = "[redacted]"

const absent = "absent"

// show formats a property's value as Puppet's messages do.
func show(c provider.Change, v value.Value) string {
	if c.Sensitive {
		return redacted
	}
	switch v := v.(type) {
	case nil, value.Undef:
		return "''"
	case *value.Array:
		parts := make([]string, v.Len())
		for i, e := range v.Elems() {
			parts[i] = show(c, e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case value.Int, value.Float, value.Bool, *value.Hash:
		return v.String()
	}
	return "'" + v.String() + "'"
}

func isAbsent(v value.Value) bool {
	s, ok := v.(value.String)
	return value.IsUndef(v) || ok && s == absent
}

// changeText is the message of a change that was made.
func changeText(c provider.Change) string {
	switch {
	case c.Sensitive:
		return fmt.Sprintf("changed %s to %s", redacted, redacted)
	case c.Message != "":
		return c.Message
	case isAbsent(c.Previous) && c.Property == "ensure" && c.Desired != nil && (c.Desired.String() == "present" || c.Desired.String() == "file" || c.Desired.String() == "directory"):
		return "created"
	case isAbsent(c.Desired) && c.Property == "ensure":
		return "removed"
	case isAbsent(c.Previous):
		return fmt.Sprintf("defined '%s' as %s", c.Property, show(c, c.Desired))
	case isAbsent(c.Desired):
		return fmt.Sprintf("undefined '%s' from %s", c.Property, show(c, c.Previous))
	}
	return fmt.Sprintf("%s changed %s to %s", c.Property, show(c, c.Previous), show(c, c.Desired))
}

// noopText is the message of a change that would be made.
func noopText(c provider.Change) string {
	return fmt.Sprintf("current_value %s, should be %s (noop)", show(c, c.Previous), show(c, c.Desired))
}

// failureText is the message of a change that could not be made.
func failureText(c provider.Change, reason string) string {
	return fmt.Sprintf("change from %s to %s failed: %s", show(c, c.Previous), show(c, c.Desired), reason)
}

// refreshText is the message of a refresh.
func refreshText(verb string, events int) string {
	noun := "events"
	if events == 1 {
		noun = "event"
	}
	return fmt.Sprintf("%s 'refresh' from %d %s", verb, events, noun)
}

// eventName is Puppet's name for a change.
func eventName(typ string, c provider.Change) string {
	switch {
	case c.Event != "":
		return c.Event
	case c.Property != "ensure":
		return c.Property + "_changed"
	case isAbsent(c.Desired):
		return typ + "_removed"
	case isAbsent(c.Previous):
		return typ + "_created"
	}
	return typ + "_changed"
}

func joinPath(path []string) string { return strings.Join(path, "/") }

// redactor takes the values of sensitive parameters out of texts.
type redactor struct{ secrets []string }

// minSecret is the length from which a secret is looked for in texts: shorter ones would hit by chance.
const minSecret = 4

func newRedactor(r *provider.Resource) redactor {
	var out redactor
	for name := range r.Sensitive {
		out.collect(r.Params[name])
	}
	return out
}

func (r *redactor) collect(v value.Value) {
	switch v := v.(type) {
	case value.String:
		if s := strings.TrimSpace(string(v)); len(s) >= minSecret {
			r.secrets = append(r.secrets, s)
		}
	case *value.Array:
		for _, e := range v.Elems() {
			r.collect(e)
		}
	case *value.Hash:
		for _, e := range v.All() {
			r.collect(e)
		}
	}
}

func (r redactor) text(s string) string {
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, redacted)
	}
	return s
}

// value gives a value for a report.
func (r redactor) value(v value.Value) report.Any {
	switch v := v.(type) {
	case value.String:
		return report.Any{Value: value.String(r.text(string(v)))}
	case *value.Array:
		out := make([]value.Value, v.Len())
		for i, e := range v.Elems() {
			out[i] = r.value(e).Value
		}
		return report.Any{Value: value.NewArray(out...)}
	}
	return report.Any{Value: v}
}

func hasDeferred(v value.Value) bool {
	switch v := v.(type) {
	case *value.Deferred:
		return true
	case *value.Sensitive:
		return hasDeferred(v.Unwrap())
	case *value.Array:
		if slices.ContainsFunc(v.Elems(), hasDeferred) {
			return true
		}
	case *value.Hash:
		for _, e := range v.All() {
			if hasDeferred(e) {
				return true
			}
		}
	}
	return false
}

func hasSensitive(v value.Value) bool {
	switch v := v.(type) {
	case *value.Sensitive:
		return true
	case *value.Array:
		if slices.ContainsFunc(v.Elems(), hasSensitive) {
			return true
		}
	case *value.Hash:
		for _, e := range v.All() {
			if hasSensitive(e) {
				return true
			}
		}
	}
	return false
}

// unwrap gives v with every Sensitive replaced by its content.
func unwrap(v value.Value) value.Value {
	switch v := v.(type) {
	case *value.Sensitive:
		return unwrap(v.Unwrap())
	case *value.Array:
		out := make([]value.Value, v.Len())
		for i, e := range v.Elems() {
			out[i] = unwrap(e)
		}
		return value.NewArray(out...)
	case *value.Hash:
		out := value.NewHash(v.Len())
		for k, e := range v.All() {
			out.Set(unwrap(k), unwrap(e))
		}
		return out
	}
	return v
}
