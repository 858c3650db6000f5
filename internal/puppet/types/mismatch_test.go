package types

import (
	"os"
	"strings"
	"testing"

	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

// testAliases are the aliases that the goldens use.
func testAliases(t *testing.T) Finder {
	t.Helper()
	aliases := map[string]*Alias{}
	find := func(name string) (Type, error) {
		if a, ok := aliases[name]; ok {
			return a, nil
		}
		return nil, nil
	}
	for name, text := range map[string]string{
		"A": "Integer[1,5]", "B": "Variant[Enum[x,y],Pattern[/^z/]]", "P": "Struct[{a=>Integer,Optional[b]=>A}]",
	} {
		aliases[name] = NewAlias(name, func() (Type, error) { return ParseWith(text, find) })
	}
	return find
}

// parseValue reads a literal; Sensitive(x) is a call.
func parseValue(t *testing.T, text string, find Finder) value.Value {
	t.Helper()
	if inner, ok := strings.CutPrefix(text, "Sensitive("); ok {
		return value.NewSensitive(parseValue(t, strings.TrimSuffix(inner, ")"), find))
	}
	prog, diags := syntax.Parse("", []byte("x("+text+")"), syntax.Options{SkipValidation: true})
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	call := prog.Body.(*syntax.Block).Statements[0].(*syntax.Call)
	v, err := literal(call.Args[0], find, 0)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// TestMismatchGolden compares with the sentences of the real Puppet: lines of "TYPE <- VALUE<tab>SENTENCE".
func TestMismatchGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/mismatch.txt")
	if err != nil {
		t.Fatal(err)
	}
	find := testAliases(t)
	for line := range strings.Lines(string(data)) {
		input, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		typeText, valueText, _ := strings.Cut(input, " <- ")
		typ, err := ParseWith(typeText, find)
		if err != nil {
			t.Fatal(err)
		}
		v := parseValue(t, valueText, find)
		got := "ok"
		if err := Assert("", typ, v); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s\n puppet  %s\n kickoff %s", input, want, got)
		}
	}
}
