package eval_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/function"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// The exact semantics of the language is compared with the real Puppet by test/conformance; the tests here are about
// what an evaluation without a catalog does, its limits, and its contract with functions.

// container is a resource that scopes belong to.
type container string

func (c container) String() string { return string(c) }

// run evaluates a program.
func run(ctx context.Context, t testing.TB, code string, opt eval.Options) (value.Value, error) {
	t.Helper()
	prog, list := syntax.Parse("test.pp", []byte(code), syntax.Options{})
	if err := list.Err(); err != nil {
		return nil, err
	}
	top := eval.NewTop(container("Class[main]"))
	return eval.New(top, opt).Evaluate(ctx, top, prog.Body)
}

func functions(t testing.TB, more ...eval.Function) *eval.Functions {
	t.Helper()
	f, err := eval.NewFunctions(function.Builtin(), more)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFunctionTablesAreValid(t *testing.T) {
	f, err := eval.NewFunctions(function.Builtin(), function.Stdlib())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Check(); err != nil {
		t.Error(err)
	}
}

func TestValues(t *testing.T) {
	for code, want := range map[string]string{
		"1 + 2":                             "3",
		"-9223372036854775807 - 1":          "-9223372036854775808",
		"4611686018427387904 * 2 - 1":       "",
		"[1] + [[2]]":                       "[1, [2]]",
		"'x' ? { /(x)/ => $1 }":             "'x'",
		"{ 'a' => { 'b' => 1 } }['a']":      "{'b' => 1}",
		"$x = [1, 2] $x[-1]":                "2",
		"Integer[1, 2]":                     "Integer[1, 2]",
		"if 1 == 2 { 3 }":                   "undef",
		"String[1] =~ Type[String]":         "true",
		"[*[1, 2], 3]":                      "[1, 2, 3]",
		"1.0 / 3.0":                         "0.3333333333333333",
		"'abc'[0, 2]":                       "'ab'",
		"$f = |$x| { $x }":                  "",
		"with(3) |$x| { $x + 1 }":           "4",
		"[3, 1].sort.map |$x| { -$x }":      "[-1, -3]",
		"9223372036854775807 + 1":           "",
		"1 << 64":                           "",
		"1 >> 200":                          "0",
		"[1, 2, 3].filter |$x| { break() }": "[]",
	} {
		v, err := run(t.Context(), t, code, eval.Options{Functions: functions(t)})
		switch {
		case want == "" && err == nil:
			t.Errorf("%s gave %s, and should be refused", code, types.FormatValue(v))
		case want != "" && err != nil:
			t.Errorf("%s: %v", code, err)
		case want != "" && types.FormatValue(v) != want:
			t.Errorf("%s gave %s, want %s", code, types.FormatValue(v), want)
		}
	}
}

func TestNoCatalogNoResources(t *testing.T) {
	for _, code := range []string{
		"notify { 'a': }", "Notify <| |>", "Notify['a'] { message => 1 }", "Notify { message => 1 }",
		"Notify['a'] -> Notify['b']", "File['a']['mode']",
	} {
		_, err := run(t.Context(), t, code, eval.Options{})
		if d, ok := errors.AsType[*diag.Diagnostic](err); !ok || d.Code != "unavailable" || d.Range.Start.Line != 1 {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestLimits(t *testing.T) {
	_, err := run(t.Context(), t, "Integer[1, 1000000].each |$x| { $x + 1 }", eval.Options{Functions: functions(t), MaxSteps: 1000})
	if d, ok := errors.AsType[*diag.Diagnostic](err); !ok || d.Code != "too-many-steps" {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = run(ctx, t, "Integer[1, 1000000].each |$x| { $x + 1 }", eval.Options{Functions: functions(t)}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	deep := strings.Repeat("with(1) |$x| { ", 300) + "1" + strings.Repeat(" }", 300)
	if _, err = run(t.Context(), t, deep, eval.Options{Functions: functions(t), MaxDepth: 100}); err == nil {
		t.Error("nesting beyond the limit passed")
	}
}

func TestFunctionErrorsHaveAPlaceAndAStack(t *testing.T) {
	cause := errors.New("the disk is full")
	broken := eval.Function{Name: "broken", Dispatches: []eval.Dispatch{{
		Call: func(context.Context, *eval.Call) (value.Value, error) { return nil, cause },
	}}}
	_, err := run(t.Context(), t, "\n  [1].each |$x| { broken() }", eval.Options{Functions: functions(t, broken)})
	d, ok := errors.AsType[*diag.Diagnostic](err)
	if !ok || d.Range.Start.Line != 2 || d.Range.Start.Column != 19 || !errors.Is(err, cause) {
		t.Fatalf("%v", err)
	}
	var names []string
	for _, f := range d.Stack {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "broken block each" {
		t.Errorf("stack %s", got)
	}
}

func TestDispatch(t *testing.T) {
	answer := func(text string) func(context.Context, *eval.Call) (value.Value, error) {
		return func(context.Context, *eval.Call) (value.Value, error) { return value.String(text), nil }
	}
	f := eval.Function{Name: "f", Dispatches: []eval.Dispatch{
		{Params: []eval.Param{eval.Req("a", "Integer")}, Call: answer("int")},
		{Params: []eval.Param{eval.Req("a", "String"), eval.Opt("b", "Integer")}, Call: answer("string")},
		{Params: []eval.Param{eval.Req("a", "Boolean"), eval.Rest1("r", "Integer")}, Call: answer("rest")},
		{Params: []eval.Param{eval.Req("a", "Float")}, Block: "Callable[1, 1]", Call: answer("block")},
		{Params: []eval.Param{eval.Req("a", "Float")}, Call: answer("no block")},
	}}
	for code, want := range map[string]string{
		"f(1)": "int", "f('a')": "string", "f('a', 2)": "string", "f('a', 'b')": "", "f(true, 1, 2, 3)": "rest",
		"f(true)": "", "f(1.5) |$x| { }": "block", "f(1.5)": "no block", "f(1.5) |$x, $y, $z| { }": "", "f(1) |$x| { }": "", "f()": "",
	} {
		v, err := run(t.Context(), t, code, eval.Options{Functions: functions(t, f)})
		switch {
		case want == "" && err == nil:
			t.Errorf("%s was accepted", code)
		case want != "" && (err != nil || v.String() != want):
			t.Errorf("%s: %v, %v", code, v, err)
		}
	}
	if _, err := eval.NewFunctions([]eval.Function{f}, []eval.Function{f}); err == nil {
		t.Error("two functions of one name were accepted")
	}
}

func TestStrictness(t *testing.T) {
	var logged []string
	opt := eval.Options{Strict: eval.StrictWarning, LooseVariables: true, Log: func(m eval.Message) { logged = append(logged, m.Text) }}
	v, err := run(t.Context(), t, "[$nope, '0x10' + 1, $nope]", opt)
	if err != nil || types.FormatValue(v) != "[undef, 17, undef]" {
		t.Errorf("%v %v", v, err)
	}
	if len(logged) != 2 {
		t.Errorf("logged %q", logged)
	}
}

func TestRender(t *testing.T) {
	for _, c := range []struct {
		text, want string
		params     *value.Hash
	}{
		{"a<%= 1 + 1 %>b", "a2b", nil},
		{"<%- | Integer $x, $y = $x + 1 | -%>\n<%= $y %>", "3", value.HashOf("x", 2)},
		{"<%- | Integer $x | -%>", "", value.HashOf("x", "text")},
		{"<%- | $x | -%>", "", nil},
		{"<%- | $x = 1 | -%>", "", value.HashOf("z", 1)},
		{"<% [1, 2].each |$i| { %>[<%= $i %>]<% } %>", "[1][2]", nil},
	} {
		prog, list := syntax.Parse("t.epp", []byte(c.text), syntax.Options{EPP: true})
		if err := list.Err(); err != nil {
			t.Fatal(err)
		}
		top := eval.NewTop(container("Class[main]"))
		v, err := eval.New(top, eval.Options{Functions: functions(t)}).Render(t.Context(), top, "t.epp", prog, c.params, false)
		if c.want == "" {
			if err == nil {
				t.Errorf("%q gave %v", c.text, v)
			}
			continue
		}
		if err != nil || v.String() != c.want {
			t.Errorf("%q gave %v, %v", c.text, v, err)
		}
	}
}

func FuzzEvaluate(f *testing.F) {
	for _, code := range []string{
		"1 + 2 * 3", "[1, 2].map |$x| { $x * 2 }", "$a = { 'b' => 1 } notice($a['b'])", "'a' =~ /(.)/", "Integer('0x1F')",
		"case 5 { Integer[0, 9]: { 'x' } default: { } }", "\"${[1, undef]} ${1 + 1}\"", "[$a, $b] = [1, 2]", "-9223372036854775808",
		"[1, 2, 3][1, -1]", "'abc'[-5, 9]", "String(1.5, '%5.1f')", "inline_epp('<%= $x %>', { x => 1 })", "sprintf('%s', [1])",
		"return(1)", "{ 'a' => 1 } - 'a'", "[1] << 2", "Timestamp('2020-01-01') + 5", "1 in [1, 'a']", "Struct[{ 'a' => Integer }]",
	} {
		f.Add(code)
	}
	funcs := functions(f)
	f.Fuzz(func(t *testing.T, code string) {
		if len(code) > 2000 {
			return
		}
		_, err := run(t.Context(), t, code, eval.Options{Functions: funcs, MaxSteps: 5000, MaxDepth: 100})
		if err != nil && err.Error() == "" {
			t.Errorf("%q: an error without text", code)
		}
	})
}
