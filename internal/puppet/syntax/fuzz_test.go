package syntax

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds are texts that have every kind of token and construct, and some broken ones.
var seeds = []string{
	"class a::b($x, Integer[0,3] $y = 1, *$z) inherits c { include d\n -> File <| title == 'x' and a != 1 |> { mode => '0644' } }",
	"define d($n = undef) { file { \"/tmp/${n}\": ensure => file, * => $h; default: } }",
	"node 'a', /b/, default { @@x { 'y': } -> Z['w'] ~> notify { 'q': } }",
	"function f(Optional[String] $a = 'b') >> Array { $a.map |$i, $j| { $i ? { /x/ => 1, default => -2.5e3 } } }",
	"type A::B = Variant[Integer, Struct[{a => String}]]",
	"$a = @(\"E\":json/tn$) + @(F)\n  a ${b[1]['c'].d(1)} \\t\n  | E\n|- F\n",
	"if $a =~ /x\\/y/ and !$b or 0x1F < 017 { fail('x') } elsif $c { next() } else { [*$d] << 1 }\ncase $x { 1, default: { } }",
	"$x = { 'a' => [1, 2,], b => { } }\n# comment\n/* another */ unless $y { notice $x, 2 }",
	"a <%# c %><%- | $x = 1 | -%>\n<% if $x { -%> b <%= $x + 1 %> <%% %%> <% } -%>\n",
	"\"${\"${\"$x\"}\"}\" 'a\\'b' \"\\u{1F600}\\q\"",
	"'", "\"${", "@(A)\n", "/*", "\xff", "\ufeff", "<%", "((((", "[[[[", "$", "::", "09", "Foo::bar", "{ } }", "@(A:pp)\n1\n2\nA\n", "\x00",
}

// check parses a text and looks at what must hold for every text.
func check(t *testing.T, src string, opt Options) {
	t.Helper()
	prog, diags := Parse("fuzz.pp", []byte(src), opt)
	if (prog == nil) != diags.HasErrors() {
		t.Fatalf("program %v, errors %v", prog != nil, diags)
	}
	for _, d := range diags {
		if d.Code == "" || d.Summary == "" {
			t.Errorf("diagnostic without code or summary: %+v", d)
		}
		if d.Range.Start.Offset > len(src) || d.Range.End.Offset > len(src) || d.Range.Start.Offset > d.Range.End.Offset {
			t.Errorf("diagnostic outside of the text: %+v", d.Range)
		}
	}
	if prog == nil {
		return
	}
	if !utf8.ValidString(src) {
		t.Error("invalid UTF-8 was accepted")
	}
	Dump(prog)
	checkSpans(t, prog, prog.Src)
}

// checkSpans checks that every part lies in the whole, except for heredocs, whose text stands behind the line.
func checkSpans(t *testing.T, n Node, outer Span) {
	t.Helper()
	s := n.Span()
	if s.IsZero() {
		if _, nop := n.(*Nop); !nop {
			t.Errorf("%T has no place", n)
		}
		return
	}
	if s.Start > s.End || int(s.End) > len(s.File.Source) {
		t.Errorf("%T has the impossible place %d-%d", n, s.Start, s.End)
		return
	}
	Children(n, func(c Node) { checkSpans(t, c, s) })
}

func FuzzLexer(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, src string, epp bool) {
		file := NewFile("", src)
		l := newLexer(file, Options{EPP: epp}, &reporter{file: file})
		toks := l.run()
		if len(toks) == 0 || toks[len(toks)-1].kind != tEOF {
			t.Fatal("the tokens do not end")
		}
		for _, tok := range toks {
			if tok.start > tok.end || int(tok.end) > len(src) {
				t.Errorf("token %d has the impossible place %d-%d", tok.kind, tok.start, tok.end)
			}
		}
	})
}

func FuzzParser(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) { check(t, src, Options{}) })
}

func FuzzEPP(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) { check(t, src, Options{EPP: true}) })
}

// TestHostile: texts made to exhaust the parser give a diagnostic, quickly.
func TestHostile(t *testing.T) {
	const n = 100_000
	for name, src := range map[string]string{
		"brackets": "$a = " + strings.Repeat("[", n), "braces": strings.Repeat("{", n), "parens": "$a = " + strings.Repeat("(", n),
		"closed brackets": "$a = " + strings.Repeat("[", n) + strings.Repeat("]", n),
		"not":             "$a = " + strings.Repeat("!", n) + "1", "minus": "$a = " + strings.Repeat("- ", n) + "1",
		"plus": "$a = 1" + strings.Repeat("+1", n), "dots": "$a = 1" + strings.Repeat(".a", n),
		"access": "$a = $b" + strings.Repeat("[1]", n), "calls": "f" + strings.Repeat("()", n),
		"assign": strings.Repeat("$a = ", n) + "1", "edges": "$a" + strings.Repeat(" -> $a", n),
		"elsif": "if 1 {}" + strings.Repeat(" elsif 1 {}", n),
		"ifs":   strings.Repeat("if 1 {", n), "classes": strings.Repeat("class a {", n),
		"interpolations": "$a = " + strings.Repeat("\"${", n), "selectors": "$a = 1" + strings.Repeat(" ? 1 => 1", n),
		"at": strings.Repeat("@", n) + "a { 'b': }", "heredocs": "$a = [" + strings.Repeat("@(A),", 1000) + "]",
		"slashes": "$a = 1 " + strings.Repeat("{ / ", n), "lambdas": strings.Repeat("f() |$x| {", n),
		"resources": "f" + strings.Repeat("{ 'a': }", n), "errors": strings.Repeat("$a = = 1\n", n),
		"invalid": strings.Repeat("^ ", n), "unclosed": strings.Repeat("'a' \"", 3), "quotes": strings.Repeat("\"${x}\" ", n),
		"regexps": "$a =~ /" + strings.Repeat("(", n) + "/", "class": "$a =~ /" + strings.Repeat("[", n) + "/",
		"tags": strings.Repeat("<%", n),
	} {
		t.Run(name, func(t *testing.T) {
			for _, epp := range []bool{false, true} {
				if epp {
					src = "<% " + src + " %>"
				}
				check(t, src, Options{EPP: epp})
			}
		})
	}
}
