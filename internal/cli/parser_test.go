package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// parserCommand runs a command line and gives its exit status and output.
func parserCommand(t *testing.T, stdin string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(args, &IO{In: strings.NewReader(stdin), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestParserValidate(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"good.pp": "notify { 'x': }\n", "sub/bad.pp": "class a {\n  $x = = 1\n  $y = 'é', 2\n}\n",
		"bad.epp": "<%= 1 +\n", "warn.pp": "$a = \"\\q\"\n", "ignored.txt": "{{{",
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, tt := range []struct {
		name, stdin string
		args        []string
		code        int
		want        []string
	}{
		{"good file", "", []string{at("good.pp")}, 0, nil},
		{"good stdin", "include a\n", nil, 0, nil},
		{"dash", "include a\n", []string{"-"}, 0, nil},
		{"bad stdin", "$a = \n", []string{"-"}, 1, []string{"<stdin>:2:1", "[syntax-error]"}},
		{"directory", "", []string{dir}, 1, []string{
			"bad.pp:2:8", "   $x = = 1", "[syntax-error]", "[illegal-argument-list]", "warning: unrecognized escape",
		}},
		{"template", "", []string{at("bad.epp")}, 1, []string{"bad.epp:1:1", "[unclosed-template-tag]"}},
		{"warning", "", []string{at("warn.pp")}, 0, []string{"[unknown-escape]"}},
		{"missing", "", []string{at("none.pp")}, 1, []string{"none.pp", "no such file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errOut := parserCommand(t, tt.stdin, append([]string{"parser", "validate"}, tt.args...)...)
			if code != tt.code || out != "" {
				t.Errorf("status %d, want %d; output %q; error output:\n%s", code, tt.code, out, errOut)
			}
			for _, w := range tt.want {
				if !strings.Contains(errOut, w) {
					t.Errorf("%q is not in\n%s", w, errOut)
				}
			}
			if tt.want == nil && errOut != "" {
				t.Errorf("unexpected error output:\n%s", errOut)
			}
		})
	}
}

func TestParserValidateJSON(t *testing.T) {
	dir := writeTree(t, map[string]string{"a.pp": "$a = = 1\n", "b.pp": "include b\n"})
	code, out, errOut := parserCommand(t, "", "parser", "validate", "-o", "json", dir)
	var v struct {
		Files, Errors int
		Diagnostics   []struct {
			Severity, Code, Summary string
			Range                   struct {
				File  string
				Start struct{ Line, Column, Offset int }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if code != 1 || errOut != "" || v.Files != 2 || v.Errors != 1 || len(v.Diagnostics) != 1 {
		t.Fatalf("status %d, %+v, error output %q", code, v, errOut)
	}
	d := v.Diagnostics[0]
	if d.Severity != "error" || d.Code != "syntax-error" || d.Range.File != filepath.Join(dir, "a.pp") || d.Range.Start.Column != 6 || d.Range.Start.Offset != 5 {
		t.Errorf("diagnostic %+v", d)
	}
}

func TestParserDump(t *testing.T) {
	code, out, _ := parserCommand(t, "$a = 1 + 2 * 3\n", "parser", "dump")
	if code != 0 || out != "(= $a (+ 1 (* 2 3)))\n" {
		t.Errorf("status %d, %q", code, out)
	}
	code, out, errOut := parserCommand(t, "$a = \n", "parser", "dump")
	if code != 1 || out != "" || !strings.Contains(errOut, "<stdin>:2:1") {
		t.Errorf("status %d, %q, %q", code, out, errOut)
	}
	code, out, _ = parserCommand(t, "a <%= $x %>", "epp", "dump", "-o", "json")
	if code != 0 || !strings.Contains(out, "(render $x)") {
		t.Errorf("status %d, %q", code, out)
	}
}

func TestEPPValidate(t *testing.T) {
	dir := writeTree(t, map[string]string{"good.epp": "<%= 1 %>", "no.pp": "<%"})
	if code, _, errOut := parserCommand(t, "", "epp", "validate", dir); code != 0 {
		t.Errorf("status %d: %s", code, errOut)
	}
	if code, _, errOut := parserCommand(t, "<%= 1 + %>", "epp", "validate"); code != 1 || !strings.Contains(errOut, "<stdin>:1:9") {
		t.Errorf("status %d: %s", code, errOut)
	}
}
