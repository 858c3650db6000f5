package erb_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/function"
	"kickoff/internal/puppet/module"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

// evaluate gives the value of Puppet code in an environment with a module m that has the templates.
func evaluate(t *testing.T, templates map[string]string, code string) (value.Value, error) {
	t.Helper()
	root := t.TempDir()
	for name, text := range templates {
		path := filepath.Join(root, "production", "modules", "m", "templates", name)
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

func TestFunctions(t *testing.T) {
	templates := map[string]string{
		"a.erb":     "a=<%= @top %>\n",
		"sub/b.erb": "<% @list.each do |x| -%>\nb=<%= x %> <%= File.basename(file) %>\n<% end -%>\n",
		"c.erb":     "<%= scope.function_template(['m/a.erb']) -%><%= scope.call_function('template', 'm/a.erb') -%>\n",
	}
	for code, want := range map[string]string{
		"template('m/a.erb')":                                           "a=T\n",
		"$list = [1, 2]\ntemplate('m/a.erb', 'm/sub/b.erb')":            "a=T\nb=1 b.erb\nb=2 b.erb\n",
		"template('m/c.erb')":                                           "a=T\na=T\n",
		"inline_template('<%= @top %>', '-', '<%= @x.inspect %>')":      "T-nil",
		"$h = {'b' => undef, 'a' => 1.0}\ninline_template('<%= @h %>')": `{"b"=>nil, "a"=>1.0}`,
		"with(5) |$n| { inline_template('<%= @n %><%= @top %>') }":      "5T",
		"inline_template('<%= \"%05.1f|%s\" % [2.25, :x] %>')":          "002.2|x",
		"inline_template('<%= {\"a\" => [1, \"yes\"]}.to_yaml %>')":     "---\na:\n- 1\n- 'yes'\n",
	} {
		got, err := evaluate(t, templates, code)
		if err != nil || got.String() != want {
			t.Errorf("%s\ngives %q, %v; want %q", code, got, err, want)
		}
	}
}

func TestPlaceOfErrors(t *testing.T) {
	_, err := evaluate(t, map[string]string{"bad.erb": "one\n<%= @top.encode64 %>\n"}, "template('m/bad.erb')")
	d, ok := errors.AsType[*diag.Diagnostic](err)
	if !ok || !strings.HasSuffix(d.Range.File, "m/templates/bad.erb") || d.Range.Start.Line != 2 || !strings.Contains(d.Summary, "'encode64' of String") {
		t.Errorf("error %#v", err)
	}
	if _, err = evaluate(t, map[string]string{"a.erb": ""}, "template('m/none.erb')"); err == nil || !strings.Contains(err.Error(), "Could not find template 'm/none.erb'") {
		t.Errorf("error %v", err)
	}
}
