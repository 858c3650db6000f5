package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"hiera.yaml":       "version: 5\nhierarchy:\n- {name: os, path: '%{facts.os}.yaml'}\n- {name: common, path: common.yaml}\n",
		"data/Debian.yaml": "a: [1]\nb: '%{trusted.certname}'\n",
		"data/common.yaml": "a: [2]\nlookup_options: {b: {convert_to: Sensitive}}\n",
	} {
		path := filepath.Join(dir, "production", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	facts := filepath.Join(dir, "facts.json")
	if err := os.WriteFile(facts, []byte(`{"os":"Debian"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args string
		code int
		out  string
	}{
		{"a", 0, "---\n- 1\n"},
		{"a --merge unique -o json", 0, "[1,2]\n"},
		{"nope", 1, ""},
		{"nope --default x", 0, "--- x\n"},
		{"nope a.0", 0, "--- 1\n"},
		{"b --node web01 -o json", 0, "\"Sensitive [value redacted]\"\n"},
		{"a --type String", 1, ""},
		{"a -o xml", 1, ""},
		{"a --merge bogus", 1, ""},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"lookup"}, strings.Fields(tc.args)...)
		args = append(args, "--environmentpath", dir, "--facts", facts)
		code := Main(args, &IO{In: strings.NewReader(""), Out: &out, Err: &errs})
		if code != tc.code || out.String() != tc.out {
			t.Errorf("lookup %s: exit %d, %q, %s; want %d, %q", tc.args, code, out.String(), errs.String(), tc.code, tc.out)
		}
	}
}
