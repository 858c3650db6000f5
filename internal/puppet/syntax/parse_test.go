package syntax

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/diag"
)

// dump parses a text and gives its tree in one line, or its diagnostics as `line:column code`.
func dump(src string, opt Options) string {
	prog, diags := Parse("t.pp", []byte(src), opt)
	if err := diags.Err(); err != nil {
		var codes []string
		for _, d := range diags {
			codes = append(codes, fmt.Sprintf("%d:%d %s", d.Range.Start.Line, d.Range.Start.Column, d.Code))
		}
		return "! " + strings.Join(codes, ", ")
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(Dump(prog)), " "), " )", ")")
}

// Precedence, highest first, as the language reference has it. The conformance tests compare far more with the real parser.
func TestPrecedence(t *testing.T) {
	for src, want := range map[string]string{
		"$a = ! $x . y":                   "(= $a (! (call-method (. $x y))))",
		"$a = - $x in $y":                 "(= $a (in (- $x) $y))",
		"$a = 1 + 2 in $y":                "(= $a (+ 1 (in 2 $y)))",
		"$a = 1 * 2 =~ $y":                "(= $a (* 1 (=~ 2 $y)))",
		"$a = 1 + 2 * 3 % 4":              "(= $a (+ 1 (% (* 2 3) 4)))",
		"$a = 1 << 2 + 3":                 "(= $a (<< 1 (+ 2 3)))",
		"$a = 1 == 2 << 3":                "(= $a (== 1 (<< 2 3)))",
		"$a = 1 < 2 == 3":                 "(= $a (< 1 (== 2 3)))",
		"$a = 1 < 2 ? { true => 3 }":      "(= $a (? (< 1 2) (true => 3)))",
		"$a = $b and $c ? { true => 3 }":  "(= $a (&& $b (? $c (true => 3))))",
		"$a = $b or $c and $d":            "(= $a (|| $b (&& $c $d)))",
		"$a = $b = $c":                    "(= $a (= $b $c))",
		"$a -> $b ~> $c <- $d <~ $e":      "(<~ (<- (~> (-> $a $b) $c) $d) $e)",
		"$a = *$x + 1":                    "(= $a (+ (unfold $x) 1))",
		"$a = 1 - 2 - 3":                  "(= $a (- (- 1 2) 3))",
		"$a = 4 / 2 / 1":                  "(= $a (/ (/ 4 2) 1))",
		"$a = $x ? { 1 => 2 }.foo":        "(= $a (call-method (. (? $x (1 => 2)) foo)))",
		"$a = $x [1]":                     "(block (= $a $x) ([] 1))",
		"$a = $x[1]":                      "(= $a (slice $x 1))",
		"$a = foo\n(1)":                   "(block (= $a foo) 1)",
		"include a, b contain c":          "(block (invoke include a b) (invoke contain c))",
		"notice { a => 1 }":               "(invoke notice ({} ('a' 1)))",
		"$a = [a => 1, 2, b => 3]":        "(= $a ([] ({} (a 1)) 2 ({} (b 3))))",
		"$a = split($b, /,/) $c = $d / 2": "(block (= $a (call split $b /,/)) (= $c (/ $d 2)))",
	} {
		if got := dump(src, Options{}); got != want {
			t.Errorf("%s\n got %s\nwant %s", src, got, want)
		}
	}
}

func TestStrings(t *testing.T) {
	for src, want := range map[string]string{
		`$a = "$x-y ${x}[1] $x::y:: $ \$z"`:              "(= $a (cat (str $x) '-y ' (str $x) '[1] ' (str $x::y) ':: $ $z'))",
		`$a = "${x[1]['b']} ${x.y} ${if} ${1} ${x()}"`:   "(= $a (cat (str (slice (slice $x 1) 'b')) ' ' (str (call-method (. $x y))) ' ' (str $if) ' ' (str $1) ' ' (str (call x))))",
		`$a = "${x + 1} ${$x} ${Foo}"`:                   "(= $a (cat (str (+ x 1)) ' ' (str $x) ' ' (str Foo)))",
		`$a = "${"${x}"}"`:                               "(= $a (cat (str (cat (str $x)))))",
		`$a = "\t\n\r\s\"\'\\\u0041\u{1F600}"`:           "(= $a '\"'\\A😀')",
		`$a = '\'\\\n"'`:                                 `(= $a ''\\n"')`,
		"$a = @(E)\n  x $y \\t\n  | E\n":                 `(= $a (@() 'x $y \t '))`,
		"$a = @(\"E\"/t)\n  x ${y} \\t\n  |- E\n":        "(= $a (@() (cat 'x ' (str $y) ' ')))",
		"$a = [@(A), @(B)]\na\n-A\nb\n-B\n$c = 1":        "(block (= $a ([] (@() 'a') (@() 'b'))) (= $c 1))",
		"$a = @(E/L)\n  x \\\n  y\n  |- E\n":             "(= $a (@() 'x y'))",
		"$a = @(\"E\")\n ${[1].map |$x| {\n $x }}\n |-E": "(= $a (@() (cat (str (call-method (. ([] 1) map) (lambda (parameters x) (block $x)))))))",
	} {
		if got := dump(src, Options{}); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%s\n got %s\nwant %s", src, got, want)
		}
	}
}

// Every refusal has a stable code and the place a person would look at.
func TestRefused(t *testing.T) {
	for src, want := range map[string]string{
		"$a = [1,\n":                          "! 2:1 syntax-error",
		"$a = 'x":                             "! 1:6 unclosed-string",
		"$a = \"x\ny":                         "! 1:6 unclosed-string",
		"$a = \"é ${x":                        "! 1:9 unclosed-interpolation",
		"/* x":                                "! 1:1 unclosed-comment",
		"$a = @(X)\ny":                        "! 1:6 unclosed-heredoc",
		"$a = @(X":                            "! 1:6 bad-heredoc",
		"$a = @(X/q)\nX":                      "! 1:6 bad-heredoc",
		"$a = \"${}\"":                        "! 1:7 empty-interpolation",
		"\ufeff$a = 1":                        "! 1:1 byte-order-mark",
		"$a = '\xff'":                         "! 1:7 invalid-utf8",
		"$a = 08":                             "! 1:6 bad-number",
		"$a = 1x":                             "! 1:6 bad-number",
		"$a = 9223372036854775808":            "! 1:6 number-out-of-range",
		"$a = 1e999":                          "! 1:6 number-out-of-range",
		"$a = Foo::bar":                       "! 1:6 bad-name",
		"$a = ^":                              "! 1:6 unexpected-character",
		"$Foo = 1":                            "! 1:1 bad-variable",
		"$a = ${b}":                           "! 1:6 bad-variable",
		"foo { a => 1 }":                      "! 1:1 resource-without-title",
		"foo 1, 2":                            "! 1:8 illegal-argument-list",
		"1 + 2 $x = 1":                        "! 1:1 no-effect",
		"class a { $x }":                      "! 1:11 no-effect",
		"if true { class a {} }":              "! 1:11 misplaced-definition",
		"class a { function f() {} }":         "! 1:11 misplaced-definition",
		"class A {}":                          "! 1:7 bad-name",
		"class string {}":                     "! 1:7 reserved-name",
		"class a($x, $x) {}":                  "! 1:13 duplicate-parameter",
		"class a($title) {}":                  "! 1:9 reserved-parameter",
		"class a(*$x) {}":                     "! 1:9 rest-parameter",
		"class a($x = ($y = 1)) {}":           "! 1:15 illegal-assignment",
		"f() |*$a, $b| {}":                    "! 1:6 rest-parameter-not-last",
		"$a::b = 1":                           "! 1:1 assign-qualified",
		"$1 = 1":                              "! 1:1 assign-numeric",
		"foo() = 1":                           "! 1:1 assign-target",
		"$a += 1":                             "! 1:1 operator-removed",
		"$a = {b => 1, 'b' => 2}":             "! 1:15 duplicate-key",
		"case 1 { default: {} default: {} }":  "! 1:22 duplicate-default",
		"1 ? { default => 1, default => 2 }":  "! 1:21 duplicate-default",
		"@class { 'a': }":                     "! 1:1 not-virtualizable",
		"@foo()":                              "! 1:1 not-virtualizable",
		"foo { 'a': x +> 1 }":                 "! 1:12 illegal-append",
		"foo { 'a': * => {}, * => {} }":       "! 1:21 duplicate-splat",
		"foo <| |>":                           "! 1:1 bad-collector",
		"Foo <| a > 1 |>":                     "! 1:8 bad-query",
		"$a = Foo <| |>":                      "! 1:6 no-value",
		"node 'a b' {}":                       "! 1:6 bad-node-name",
		"node a inherits b {}":                "! 1:17 node-inheritance",
		"class 'a' {}":                        "! 1:7 quoted-name",
		"$a = private":                        "! 1:6 reserved-word",
		"$x(1)":                               "! 1:1 not-a-function",
		"$a =~ /(/":                           "! 1:7 bad-regexp",
		"$a = @(X:json)\n{\nX":                "! 2:1 bad-heredoc-text",
		"type A = [1]":                        "! 1:10 bad-type-alias",
		"type A {}":                           "! 1:1 unsupported-type-definition",
		"$a = = 1\n$b = ]\nfile { 'x': y z }": "! 1:6 syntax-error, 2:6 syntax-error, 3:15 syntax-error",
		"class a {\n  $x = = 1\n  $y = 2 2 2\n}\n$z = )": "! 2:8 syntax-error, 5:6 syntax-error",
	} {
		if got := dump(src, Options{}); got != want {
			t.Errorf("%q\n got %s\nwant %s", src, got, want)
		}
	}
}

func TestHints(t *testing.T) {
	for src, want := range map[string]string{
		"file { 'a':\n  b => 1\n  c => 2,\n}": "is a comma missing",
		"class a {\n  if $x {\n}\n":           "the '{' on line 1 is not closed",
		"$a = “x”":                            "strings are quoted",
		"$a = 1;":                             "remove it behind the last one",
		"class a-b {}":                        "a valid name would be a_b",
	} {
		_, diags := Parse("", []byte(src), Options{})
		found := false
		for _, d := range diags {
			found = found || strings.Contains(d.Hint, want)
		}
		if !found {
			t.Errorf("%q: no hint %q in %v", src, want, diags)
		}
	}
}

func TestUnknownEscapeWarns(t *testing.T) {
	prog, diags := Parse("", []byte(`$a = "\q"`), Options{})
	if prog == nil || len(diags) != 1 || diags[0].Severity != diag.Warning || diags[0].Code != "unknown-escape" {
		t.Errorf("program %v, diagnostics %v", prog != nil, diags)
	}
}

// Spans are exact: the text of a node is its source.
func TestSpans(t *testing.T) {
	src := "# é\nclass a::b($x = 1) {\n  file { \"/x/${y[1]}\": mode => '0644' }\n  $z = foo(1, 2).bar |$q| { $q + 1 }\n}"
	prog, diags := Parse("t.pp", []byte(src), Options{})
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	Walk(prog, func(n Node) bool {
		line, col := n.Span().Position()
		got[fmt.Sprintf("%T", n)] = fmt.Sprintf("%d:%d %s", line, col, n.Span().Text())
		return true
	})
	want := map[string]string{
		"*syntax.Resource":           "3:3 file { \"/x/${y[1]}\": mode => '0644' }",
		"*syntax.ResourceBody":       "3:10 \"/x/${y[1]}\": mode => '0644'",
		"*syntax.InterpolatedString": "3:10 \"/x/${y[1]}\"",
		"*syntax.Access":             "3:16 y[1]",
		"*syntax.AttributeOperation": "3:24 mode => '0644'",
		"*syntax.Call":               "4:8 foo(1, 2)",
		"*syntax.MethodCall":         "4:8 foo(1, 2).bar |$q| { $q + 1 }",
		"*syntax.Lambda":             "4:22 |$q| { $q + 1 }",
		"*syntax.Binary":             "4:29 $q + 1",
		"*syntax.Assign":             "4:3 $z = foo(1, 2).bar |$q| { $q + 1 }",
	}
	for k := range want {
		if d := cmp.Diff(want[k], got[k]); d != "" {
			t.Errorf("%s (-want +got)\n%s", k, d)
		}
	}
	if len(prog.Comments) != 1 || prog.Comments[0].Span.Text() != "# é" {
		t.Errorf("comments %v", prog.Comments)
	}
	if len(prog.Definitions) != 1 || prog.Definitions[0].DefinedName() != "a::b" {
		t.Errorf("definitions %v", prog.Definitions)
	}
}

func TestEPP(t *testing.T) {
	for src, want := range map[string]string{
		"a <%= $x %> b":                        "(lambda (epp (block (render-s 'a ') (render $x) (render-s ' b'))))",
		"<%- | $x, Integer $y = 1 | -%>\nhi":   "(lambda (parameters x (=t Integer y 1)) (epp (block (render-s 'hi'))))",
		"a\n  <%- notice 1 -%>\nb":             "(lambda (epp (block (render-s 'a ') (invoke notice 1) (render-s 'b'))))",
		"<%% <%# c %> %%>":                     "(lambda (epp (block (render-s '<% %>'))))",
		"<% if $x { %>y<% } %>":                "(lambda (epp (block (if $x (then (render-s 'y'))))))",
		"<%= { a => 1 } %><%= { $x } %>":       "(lambda (epp (block (render ({} (a 1))) (render $x))))",
		"a <%= 1":                              "! 1:3 unclosed-template-tag",
		"a <%# 1":                              "! 1:3 unclosed-template-tag",
		"a<%- | $x | -%>":                      "! 1:6 syntax-error",
		"<% class a {} %>":                     "! 1:4 misplaced-definition",
		"<%= $x; $y %>":                        "! 1:7 syntax-error, 1:12 syntax-error",
		"line\n<%= 1 + %>":                     "! 2:9 syntax-error",
		"<%= 1 + %>\n<%= 2 %>\n<% $a = = %>\n": "! 1:9 syntax-error, 3:9 syntax-error",
	} {
		if got := dump(src, Options{EPP: true}); got != want {
			t.Errorf("%q\n got %s\nwant %s", src, got, want)
		}
	}
}

func TestPlanNeedsTasks(t *testing.T) {
	const src = "plan a($x) >> Integer { $x }"
	if got := dump(src, Options{Tasks: true}); got != "(plan a (parameters x) (return_type Integer) (block $x))" {
		t.Error(got)
	}
	if got := dump(src, Options{}); !strings.HasPrefix(got, "!") {
		t.Error(got)
	}
}
