package template_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/function"
	"kickoff/internal/puppet/module"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

// environment makes an environment with one module m that has templates.
func environment(t *testing.T, templates map[string]string) *module.Environment {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "production", "modules", "m", "templates")
	for name, text := range templates {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env, err := module.NewLibrary(module.Options{EnvironmentPath: []string{root}}).Environment(t.Context(), "production")
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// evaluate gives the value of an expression; the variable $top is set at the top scope.
func evaluate(t *testing.T, env *module.Environment, code string) (value.Value, error) {
	t.Helper()
	fns, err := eval.NewFunctions(function.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	prog, diags := syntax.Parse("site.pp", []byte(code), syntax.Options{})
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	top := eval.NewTop(nil)
	top.Define("top", value.String("T"))
	return eval.New(top, eval.Options{Functions: fns, Environment: env}).Evaluate(t.Context(), top, prog.Body)
}

var templates = map[string]string{
	"plain.epp":     "hi <%= $top %>",
	"params.epp":    "<%- | $x, Integer $y = 2 | -%>\nhi <%= $x %> <%= $y %>",
	"secret.epp":    "<%- | Sensitive $x | -%>\nhi <%= $x %>",
	"broken.epp":    "line\n<%= 1 + %>",
	"open.epp":      "line\n<%= 1",
	"sub/loop.epp":  "<% [1, 2].each |$i| { -%>\n  n<%= $i %>\n<% } -%>\nend\n",
	"indent.epp":    "a\n  <%- if true { -%>\nb\n  <%- } -%>\nc\n",
	"local.epp":     "<%= $local %>",
	"plain_no_epp":  "x<%= $top %>",
	"undef.epp":     "<%- | Optional[String] $x | -%>[<%= $x %>]",
	"values.epp":    "<%= undef %>|<%= true %>|<%= [1, [2]] %>|<%= {a => 1} %>|<%= 1.0 %>",
	"escapes.epp":   "<%% x %%> <%# gone %>y",
	"statement.epp": "<% $a = 1 %><%= $a + 1 %>",
}

func TestRender(t *testing.T) {
	env := environment(t, templates)
	for _, tt := range []struct{ name, code, want string }{
		{"top scope", `epp('m/plain.epp')`, "hi T"},
		{"parameters", `epp('m/params.epp', {x => 1})`, "hi 1 2"},
		{"all parameters", `epp('m/params.epp', {x => 'a', y => 7})`, "hi a 7"},
		{"loop", `epp('m/sub/loop.epp')`, "  n1\n  n2\nend\n"},
		{"indentation", `epp('m/indent.epp')`, "a\nb\nc\n"},
		{"without suffix", `epp('m/plain_no_epp')`, "xT"},
		{"undef argument", `epp('m/undef.epp', {x => undef})`, "[]"},
		{"values", `epp('m/values.epp')`, "|true|[1, [2]]|{a => 1}|1.0"},
		{"escapes", `epp('m/escapes.epp')`, "<% x %> y"},
		{"assignment", `epp('m/statement.epp')`, "2"},
		{"inline", `inline_epp('a<%= $x %>', {x => 1})`, "a1"},
		{"inline sees local", `[5].map |$local| { inline_epp('<%= $local %>') }[0]`, "5"},
		{"inline twice", `[5, 6].map |$n| { inline_epp('<%= $n %>') }.join(',')`, "5,6"},
		{"inline with params", "inline_epp('<%- | $x = 1, $y = $x | -%>\n<%= $y %>')", "1"},
		{"inline in inline", `inline_epp('<%= inline_epp("in") %>out')`, "inout"},
		{"empty", `inline_epp('')`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := evaluate(t, env, tt.code)
			if err != nil {
				t.Fatal(err)
			}
			if s, ok := got.(value.String); !ok || string(s) != tt.want {
				t.Errorf("got %#v, want %q", got, tt.want)
			}
		})
	}
}

func TestSensitive(t *testing.T) {
	env := environment(t, templates)
	for _, code := range []string{
		`epp('m/params.epp', {x => Sensitive('s3cret'), y => 2})`,
		`epp('m/secret.epp', {x => Sensitive('s3cret')})`,
		`inline_epp('hi <%= $x %>', {x => Sensitive('s3cret')})`,
		`inline_epp('hi <%= $x[0] %>', {x => [Sensitive('s3cret')]})`,
	} {
		got, err := evaluate(t, env, code)
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		secret, ok := got.(*value.Sensitive)
		if !ok || !strings.HasPrefix(secret.Unwrap().String(), "hi s3cret") {
			t.Errorf("%s gives %v, want a Sensitive with the open text", code, got)
		}
	}
	got, err := evaluate(t, env, `inline_epp('static', {x => Sensitive(1)})`)
	if err != nil || got != value.Value(value.String("static")) {
		t.Errorf("an argument that is not rendered makes the text %v, %v", got, err)
	}
}

func TestErrors(t *testing.T) {
	env := environment(t, templates)
	for _, tt := range []struct{ name, code, want string }{
		{"unknown template", `epp('m/none.epp')`, "Could not find template 'm/none.epp'"},
		{"unknown module", `epp('nix/none.epp')`, "no module 'nix'"},
		{"no module", `epp('none.epp')`, "module/file.epp"},
		{"suffix forgotten", `epp('m/plain')`, "did you mean 'm/plain.epp'"},
		{"outside", `epp('m/../../../../secret')`, "Could not find template"},
		{"missing parameter", `epp('m/params.epp')`, "expects a value for parameter 'x'"},
		{"unknown parameter", `epp('m/params.epp', {x => 1, z => 2})`, "has no parameter named 'z'"},
		{"wrong type", `epp('m/params.epp', {x => 1, y => 'a'})`, "expects an Integer value, got String"},
		{"local variable", `[1].each |$local| { epp('m/local.epp') }`, "local"},
		{"syntax", `epp('m/broken.epp')`, "broken.epp:2:9"},
		{"open tag", `epp('m/open.epp')`, "open.epp:2:1"},
		{"inline syntax", `inline_epp('<%= 1 + %>')`, "inlined-epp-text:1:9"},
		{"arguments", `epp('m/plain.epp', 3)`, "Hash"},
		{"error inside", `inline_epp("x\n<%= fail('boo') %>")`, "boo"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := evaluate(t, env, tt.code)
			if err == nil {
				t.Fatalf("gives %v", got)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not have %q", err, tt.want)
			}
		})
	}
}
