package conformance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestExpressionsLikePuppet evaluates one expression per line of testdata/compile/expressions.txt. Behind " ==> " stands
// the value that the real Puppet gave it, in rich data, or "error". KICKOFF_CONFORMANCE=1 with -update asks Puppet anew.
func TestExpressionsLikePuppet(t *testing.T) {
	path := filepath.Join("testdata", "compile", "expressions.txt")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	var cases []*compileCase
	var exprs []string
	for line := range strings.Lines(string(text)) {
		expr, want, _ := strings.Cut(strings.TrimSpace(line), " ==> ")
		if expr == "" {
			continue
		}
		c := &compileCase{ID: strconv.Itoa(len(cases)), Node: "node.test", want: want}
		c.Env = filepath.Join(base, c.ID, "production")
		code := "notify { 'r': message => ['=', " + expr + "] }\n"
		if strings.Contains(expr, "; ") {
			stmts, last := expr[:strings.LastIndex(expr, "; ")], expr[strings.LastIndex(expr, "; ")+2:]
			code = strings.ReplaceAll(stmts, "; ", "\n") + "\nnotify { 'r': message => ['=', " + last + "] }\n"
		}
		if err := os.MkdirAll(filepath.Join(c.Env, "manifests"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.Env, "manifests", "site.pp"), []byte(code), 0o644); err != nil {
			t.Fatal(err)
		}
		cases, exprs = append(cases, c), append(exprs, expr)
	}
	if os.Getenv("KICKOFF_CONFORMANCE") == "1" {
		answers := runPuppet(t, cases)
		var out strings.Builder
		for i, c := range cases {
			got := messageOf(t, answers[c.ID])
			if got != c.want && !*update {
				t.Errorf("%s: Puppet says %s, the golden %s", exprs[i], got, c.want)
			}
			c.want = got
			out.WriteString(exprs[i] + " ==> " + got + "\n")
		}
		if *update {
			if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, c := range cases {
		if got := messageOf(t, ours(t, c)); got != c.want {
			t.Errorf("%s\n   Puppet  %s\n   kickoff %s %v", exprs[i], c.want, got, c.ourError)
		}
	}
}

// messageOf takes the value of the expression out of a described catalog.
func messageOf(t *testing.T, described string) string {
	t.Helper()
	for line := range strings.Lines(described) {
		rest, ok := strings.CutPrefix(line, "  message => ")
		if !ok {
			continue
		}
		var list []json.RawMessage
		if err := json.Unmarshal([]byte(rest), &list); err != nil {
			t.Fatal(err)
		}
		if len(list) != 2 {
			return "[" + strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(rest), `["=",`), "]") + "]"
		}
		return string(list[1])
	}
	return "error"
}
