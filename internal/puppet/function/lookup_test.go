package function

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/hiera"
	"kickoff/internal/puppet/module"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

// lookupEvaluator evaluates with the data of testdata/lookup/env.
func lookupEvaluator(t *testing.T, log *[]string) (*eval.Evaluator, *eval.Scope) {
	t.Helper()
	envs := t.TempDir()
	dir, err := filepath.Abs("testdata/lookup/env")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(envs, "production"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	env, err := module.NewLibrary(module.Options{EnvironmentPath: []string{envs}}).Environment(t.Context(), "production")
	if err != nil {
		t.Fatal(err)
	}
	fs, err := eval.NewFunctions(Builtin(), Stdlib())
	if err != nil {
		t.Fatal(err)
	}
	top := eval.NewTop(nil)
	top.Define("facts", value.HashOf("os", value.HashOf("family", "Debian"), "roles", value.Strings("web", "db")))
	top.Define("trusted", value.HashOf("certname", "node.test"))
	var e *eval.Evaluator
	session := hiera.New(hiera.Options{Environment: env}).Session(func(s *eval.Scope, name string) (value.Value, bool) {
		return e.Variable(s, name)
	})
	session.StrictVariables = true
	e = eval.New(top, eval.Options{Functions: fs, Environment: env, Binder: session, Log: func(m eval.Message) {
		*log = append(*log, string(m.Level)+": "+m.Text)
	}})
	return e, top
}

// TestLookupGolden compares with what the real Puppet finds in testdata/lookup/env.
func TestLookupGolden(t *testing.T) {
	cases, err := os.ReadFile("testdata/lookup/cases.pp")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/lookup/cases.expected")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(cases)) {
		line = strings.TrimSuffix(line, "\n")
		prog, diags := syntax.Parse("", []byte("notice(String("+line+", '%p'))"), syntax.Options{})
		if err := diags.Err(); err != nil {
			t.Fatal(err)
		}
		var log []string
		e, top := lookupEvaluator(t, &log)
		_, err := e.Evaluate(context.Background(), top, prog.Body)
		text := strings.Join(log, "\\n")
		if err != nil {
			t.Logf("%s\n    %v", line, err)
			text = "error"
		}
		got = append(got, line, "  "+strings.ReplaceAll(text, "\n", "\\n"))
	}
	if d := cmp.Diff(strings.Split(strings.TrimRight(string(want), "\n"), "\n"), got); d != "" {
		t.Errorf("-puppet +kickoff\n%s", d)
	}
}
