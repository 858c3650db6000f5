package value_test

import (
	"fmt"
	"strings"
	"testing"

	"kickoff/internal/value"
)

func TestHashKeepsOrderAndKeyKinds(t *testing.T) {
	h := value.NewHash(0)
	for i := range 20 {
		h.Set(value.Int(i), value.String(fmt.Sprint(i)))
	}
	h.Set(value.Float(1), value.String("float"))
	h.Set(value.String("1"), value.String("string"))
	h.Set(value.Int(1), value.String("replaced"))
	if h.Len() != 22 {
		t.Fatalf("1, 1.0 and '1' are three keys: got %d entries, want 22", h.Len())
	}
	if v, _ := h.Get(value.Int(1)); v.String() != "replaced" {
		t.Errorf("h[1] = %s", v)
	}
	if got := h.Keys()[1].String(); got != "1" {
		t.Errorf("a replaced entry keeps its place: second key is %s", got)
	}
}

func TestEqual(t *testing.T) {
	hash := func(pairs ...any) value.Value { return value.HashOf(pairs...) }
	for _, c := range []struct {
		a, b value.Value
		want bool
	}{
		{value.String("Abc"), value.String("aBC"), true},
		{value.Int(1), value.Float(1), true},
		{value.Int(1), value.String("1"), false},
		{value.Undef{}, value.String(""), false},
		{value.Strings("A"), value.Strings("a"), true},
		{hash("a", 1, "b", 2), hash("b", 2, "a", 1), true},
		{hash("a", 1), hash("A", 1), false},
		{value.Bool(true), value.Bool(true), true},
		{value.NewSensitive(value.String("x")), value.NewSensitive(value.String("x")), true},
		{value.NewSensitive(value.String("x")), value.String("x"), false},
	} {
		if got := value.Equal(c.a, c.b); got != c.want {
			t.Errorf("%v == %v is %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestFormatFloatAsRuby(t *testing.T) {
	for f, want := range map[float64]string{
		1: "1.0", 1.5: "1.5", -0.25: "-0.25", 1e14: "100000000000000.0", 1e15: "1.0e+15", 1.25e20: "1.25e+20",
		0.0001: "0.0001", 0.00001: "1.0e-05", 0: "0.0", 1e100: "1.0e+100",
	} {
		if got := value.FormatFloat(f); got != want {
			t.Errorf("%g: got %s, want %s", f, got, want)
		}
	}
}

func TestRichDataRoundTrip(t *testing.T) {
	re, err := value.NewRegexp(`^a.*\Z`)
	if err != nil {
		t.Fatal(err)
	}
	odd := value.NewHash(1)
	odd.Set(value.Int(1), value.Default{})
	in := value.HashOf(
		"undef", value.Undef{}, "bool", true, "int", 42, "float", value.Float(2), "text", "<a&b> é\n",
		"array", value.Strings("x", "y"), "odd", odd, "secret", value.NewSensitive(value.String("s3cret")),
		"binary", value.NewBinary([]byte{0, 255}), "re", re,
		"deferred", &value.Deferred{Name: "upcase", Args: value.Strings("a")},
	)
	text := value.AppendJSON(nil, in)
	plain, err := value.ParseJSON(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	out, err := value.FromRich(plain)
	if err != nil {
		t.Fatal(err)
	}
	if value.Key(in) != value.Key(out) {
		t.Errorf("round trip:\n in  %s\n out %s\n via %s", value.Key(in), value.Key(out), text)
	}
}

func TestSensitiveIsNeverShown(t *testing.T) {
	secret := value.NewSensitive(value.String("s3cret"))
	all := value.HashOf("a", value.NewArray(secret))
	for _, text := range []string{
		secret.String(), all.String(), fmt.Sprintf("%v %+v %#v %s", secret, secret, secret, secret),
		fmt.Sprint(value.ToGo(all)), string(value.AppendJSON(nil, value.Redact(all))),
	} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("shown in %s", text)
		}
	}
}

func TestParseJSONRefusesBadInput(t *testing.T) {
	for _, text := range []string{"", "{", `{"a"}`, "[1,]", "1 2", strings.Repeat("[", 5000)} {
		if v, err := value.ParseJSON([]byte(text)); err == nil {
			t.Errorf("%.20q gave %v", text, v)
		}
	}
}

func TestRegexpReadsRuby(t *testing.T) {
	for _, c := range []struct {
		re, s string
		want  bool
	}{
		{`^b$`, "a\nb\nc", true}, {`\Aa`, "a\nb", true}, {`\Ab`, "a\nb", false}, {`c\Z`, "abc\n", true},
		{`\h+\z`, "xyz0f", true}, {`^[\h]+$`, "0F", true}, {`foo(?!bar)`, "foobar", false}, {`(?<year>\d+)-\k<year>`, "7-7", true},
		{`(?i)ABC`, "abc", true}, {`a.b`, "a\nb", false}, {`(?m)a.b`, "a\nb", true}, {`a\/b`, "a/b", true},
	} {
		re, err := value.NewRegexp(c.re)
		if err != nil {
			t.Errorf("/%s/: %v", c.re, err)
			continue
		}
		loc, err := re.Find(c.s)
		if err != nil || (loc != nil) != c.want {
			t.Errorf("/%s/ on %q: got %v, %v; want a match: %v", c.re, c.s, loc, err, c.want)
		}
	}
	if _, err := value.NewRegexp("("); err == nil {
		t.Error("an unclosed group was accepted")
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"__ptype":"Sensitive","__pvalue":["a",1,2.5,null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := value.ParseJSON(data)
		if err != nil {
			return
		}
		if _, err := value.ParseJSON(value.AppendJSON(nil, v)); err != nil {
			t.Errorf("what we wrote cannot be read: %v", err)
		}
		_, _ = value.FromRich(v)
	})
}
