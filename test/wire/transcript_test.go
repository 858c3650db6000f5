package wire

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// exchange is one request of a recorded conversation, and what Puppet's server answered.
type exchange struct {
	id     string // #873
	client string // the common name of the client's certificate
	method string
	path   string
	header map[string]string
	body   string
	// form says that the body was recorded decoded, as "name = value" lines.
	form bool

	status  int
	reply   map[string]string
	answer  string
	trimmed bool
}

var (
	headLine   = regexp.MustCompile(`^(#\d+) .*client-cert-CN="([^"]*)"`)
	noteLine   = regexp.MustCompile(`^\[(gzip: \d+ bytes|field facts is|form-encoded, raw|decoded fields)`)
	statusLine = regexp.MustCompile(`^< HTTP/1.1 (\d+)`)
)

// readTranscript reads a recorded conversation (../shared reference, made by a logging proxy).
func readTranscript(t *testing.T, name string) []exchange {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/transcripts", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	for _, block := range strings.Split(string(text), "##### ")[1:] {
		all = append(all, readExchange(t, block))
	}
	return all
}

func readExchange(t *testing.T, block string) exchange {
	t.Helper()
	lines := strings.Split(strings.TrimRight(block, "\n"), "\n")
	m := headLine.FindStringSubmatch(lines[0])
	if m == nil {
		t.Fatalf("not the head of an exchange: %q", lines[0])
	}
	e := exchange{id: m[1], client: m[2], header: map[string]string{}, reply: map[string]string{}}
	var body, answer []string
	into := &body
	for _, l := range lines[1:] {
		switch {
		case statusLine.MatchString(l):
			into = &answer
			e.status = atoi(statusLine.FindStringSubmatch(l)[1])
		case strings.HasPrefix(l, "> ") && e.method == "":
			parts := strings.Fields(l)
			e.method, e.path = parts[1], parts[2]
		case strings.HasPrefix(l, "> "):
			k, v, _ := strings.Cut(l[2:], ": ")
			e.header[k] = v
		case strings.HasPrefix(l, "< "):
			k, v, _ := strings.Cut(l[2:], ": ")
			e.reply[k] = v
		case l == ">" || l == "<":
		case strings.HasPrefix(l, "...[trimmed"):
			e.trimmed = true
		case noteLine.MatchString(l):
			e.form = e.form || strings.HasPrefix(l, "[decoded fields")
		default:
			*into = append(*into, l)
		}
	}
	e.body, e.answer = strings.Join(body, "\n"), strings.Join(answer, "\n")
	return e
}

func atoi(s string) int {
	n := 0
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}

// formBody encodes a body that was recorded decoded, facts twice as agents do.
func (e exchange) formBody() string {
	form := url.Values{}
	for l := range strings.SplitSeq(e.body, "\n") {
		k, v, ok := strings.Cut(l, " = ")
		if !ok {
			k, v = strings.TrimSuffix(l, " ="), ""
		}
		if k == "facts" {
			if !json.Valid([]byte(v)) { // long ones were cut in the recording
				v = `{"name":"agent02.test","values":{"demo_fact":"df"},"timestamp":"2026-11-22T17:24:39Z"}`
			}
			v = url.PathEscape(v)
		}
		form.Set(strings.TrimSpace(k), v)
	}
	return form.Encode()
}

// shape reduces JSON to the names and kinds of its parts; of an array, that of its elements together.
func shape(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return "no JSON"
	}
	return shapeOf(v)
}

func shapeOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = shapeOf(e)
		}
		return out
	case []any:
		if len(v) == 0 {
			return "empty array"
		}
		return []any{shapeOf(v[0])}
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	}
	return "null"
}
