package function

import (
	"context"
	"encoding/base64"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// stdStringTable: stdlib's functions on texts and booleans.
func stdStringTable() []eval.Function {
	affix := "Variant[String[1], Array[String[1], 1]]"
	return []eval.Function{
		fn("str2bool", sig(str2bool, eval.Req("value", "Any"))),
		fn("bool2str", sig(bool2str, eval.Req("value", "Any"), eval.Opt("true", "String"), eval.Opt("false", "String"))),
		fn("bool2num", sig(bool2num, eval.Req("value", "Any"))),
		fn("num2bool", sig(num2bool, eval.Req("value", "Any"))),
		fn("any2bool", sig(any2bool, eval.Req("value", "Any"))),
		fn("base64", sig(base64Call, eval.Req("action", "String"), eval.Req("text", "String"), eval.Opt("method", "String"))),
		fn("uriescape", sig(onTexts(uriEscape), eval.Req("value", "Variant[String, Array]"))),
		fn("regexpescape", sig(onTexts(regexp.QuoteMeta), eval.Req("value", "Variant[String, Array]"))),
		fn("swapcase", sig(onTexts(swapCase), eval.Req("value", "Variant[String, Array]"))),
		fn("dos2unix", sig(text(func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }), eval.Req("value", "String"))),
		fn("unix2dos", sig(text(func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
		}), eval.Req("value", "String"))),
		fn("squeeze", sig(squeeze, eval.Req("value", "Variant[String, Array]"), eval.Opt("chars", "String"))),
		fn("shell_escape", sig(text(shellEscape), eval.Req("string", "Any"))),
		fn("stdlib::shell_escape", sig(text(shellEscape), eval.Req("string", "Any"))),
		fn("shell_join", sig(shellJoin, eval.Req("array", "Array"))),
		fn("enclose_ipv6", sig(encloseIPv6, eval.Req("value", "Variant[String, Array]"))),
		fn("to_bytes", sig(toBytes, eval.Req("value", "Any"))),
		fn("stdlib::start_with", sig(hasAffix(strings.HasPrefix), eval.Req("test_string", "String"), eval.Req("prefixes", affix))),
		fn("stdlib::end_with", sig(hasAffix(strings.HasSuffix), eval.Req("test_string", "String"), eval.Req("suffixes", affix))),
		fn("stdlib::ensure", sig(stdEnsure, eval.Req("ensure", "Variant[Boolean, Enum['absent', 'present']]"),
			eval.Opt("resource", "Optional[Enum['directory', 'file', 'link', 'mounted', 'package', 'service']]"))),
		fn("stdlib::sha256", sig(digest(sha256Hex), eval.Req("my_data", "Any"))),
		fn("stdlib::ip_in_range", sig(ipInRange, eval.Req("ipaddress", "String"), eval.Req("range", "Variant[String, Array]"))),
	}
}

// onTexts applies f to a text, or to each of a list.
func onTexts(f func(string) string) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		a, ok := c.Arg(0).(*value.Array)
		if !ok {
			return value.String(f(c.Str(0))), nil
		}
		out := make([]value.Value, a.Len())
		for i, e := range a.Elems() {
			if out[i] = e; e.TypeName() == "String" {
				out[i] = value.String(f(e.String()))
			}
		}
		return value.NewArray(out...), nil
	}
}

func str2bool(_ context.Context, c *eval.Call) (value.Value, error) {
	if b, ok := c.Arg(0).(value.Bool); ok {
		return b, nil
	}
	switch strings.ToLower(c.Str(0)) {
	case "1", "t", "y", "true", "yes":
		return value.Bool(true), nil
	case "", "0", "f", "n", "false", "no", "undef", "undefined":
		return value.Bool(false), nil
	}
	return nil, c.Errorf("str2bool(): Unknown type of boolean given")
}

func bool2str(_ context.Context, c *eval.Call) (value.Value, error) {
	b, ok := c.Arg(0).(value.Bool)
	if !ok {
		return nil, c.Errorf("bool2str(): Requires a boolean to work with")
	}
	yes, no := "true", "false"
	if c.Has(2) {
		yes, no = c.Str(1), c.Str(2)
	}
	if b {
		return value.String(yes), nil
	}
	return value.String(no), nil
}

func bool2num(ctx context.Context, c *eval.Call) (value.Value, error) {
	b, err := str2bool(ctx, c)
	if err != nil {
		return nil, c.Errorf("bool2num(): Unknown type of boolean given")
	}
	if b.(value.Bool) {
		return number(1), nil
	}
	return number(0), nil
}

func num2bool(_ context.Context, c *eval.Call) (value.Value, error) {
	n, err := types.ToNumber(c.Arg(0))
	if err != nil {
		return nil, c.Errorf("num2bool(): '%s' does not look like a number", c.Str(0))
	}
	return value.Bool(asFloat(n) > 0), nil
}

func any2bool(ctx context.Context, c *eval.Call) (value.Value, error) {
	switch v := c.Arg(0).(type) {
	case value.Bool:
		return v, nil
	case value.Undef:
		return value.Bool(false), nil
	case value.Int, value.Float:
		return value.Bool(asFloat(v) > 0), nil
	case value.String:
		if n, err := types.ToNumber(v); err == nil {
			return value.Bool(asFloat(n) > 0), nil
		}
		return str2bool(ctx, c)
	}
	return value.Bool(true), nil
}

func base64Call(_ context.Context, c *eval.Call) (value.Value, error) {
	method := "default"
	if c.Has(2) {
		method = c.Str(2)
	}
	enc := base64.StdEncoding
	if method == "urlsafe" {
		enc = base64.URLEncoding
	}
	switch c.Str(0) {
	case "encode":
		s := enc.EncodeToString([]byte(c.Str(1)))
		if method == "default" {
			s = wrapLines(s, 60)
		}
		return value.String(s), nil
	case "decode":
		b, err := enc.DecodeString(strings.Join(strings.Fields(c.Str(1)), ""))
		if err != nil {
			return nil, c.Errorf("base64(): %v", err)
		}
		return value.String(strings.ToValidUTF8(string(b), "\uFFFD")), nil
	}
	return nil, c.Errorf("base64(): the first argument must be one of 'encode' or 'decode'")
}

// wrapLines ends a line after every n characters, and at the end.
func wrapLines(s string, n int) string {
	var b strings.Builder
	for len(s) > n {
		b.WriteString(s[:n] + "\n")
		s = s[n:]
	}
	if s != "" {
		b.WriteString(s + "\n")
	}
	return b.String()
}

// uriEscape escapes what cannot stand in a URI, leaving its delimiters.
func uriEscape(s string) string {
	const keep = "-_.!~*'();/?:@&=+$,[]"
	var b strings.Builder
	for i := range len(s) {
		ch := s[i]
		if ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9' || strings.IndexByte(keep, ch) >= 0 {
			b.WriteByte(ch)
			continue
		}
		b.WriteString(strings.ReplaceAll(url.QueryEscape(string([]byte{ch})), "+", "%20"))
	}
	return b.String()
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if up := []rune(strings.ToUpper(string(r))); len(up) == 1 && up[0] != r {
			return up[0]
		}
		if low := []rune(strings.ToLower(string(r))); len(low) == 1 {
			return low[0]
		}
		return r
	}, s)
}

func squeeze(ctx context.Context, c *eval.Call) (value.Value, error) {
	only := c.Str(1)
	return onTexts(func(s string) string {
		var b strings.Builder
		var last rune = -1
		for _, r := range s {
			if r == last && (only == "" || strings.ContainsRune(only, r)) {
				continue
			}
			b.WriteRune(r)
			last = r
		}
		return b.String()
	})(ctx, c)
}

// shellEscape puts a backslash before everything that a shell could take as more than itself.
func shellEscape(s string) string {
	if s == "" {
		return "''"
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString("'\n'")
			continue
		case r < 0x80 && !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.,:+/@", r):
			b.WriteByte('\\')
		case r >= 0x80:
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func shellJoin(_ context.Context, c *eval.Call) (value.Value, error) {
	var parts []string
	for _, e := range c.Arg(0).(*value.Array).Elems() {
		parts = append(parts, shellEscape(e.String()))
	}
	return value.String(strings.Join(parts, " ")), nil
}

func encloseIPv6(_ context.Context, c *eval.Call) (value.Value, error) {
	var out []value.Value
	for _, v := range flat([]value.Value{c.Arg(0)}) {
		s := v.String()
		if s != "*" {
			addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
			if err != nil {
				return nil, c.Errorf("enclose_ipv6(): Wrong argument given %s is not an ip address.", s)
			}
			if addr.Is6() {
				s = "[" + strings.Trim(s, "[]") + "]"
			}
		}
		out = append(out, value.String(s))
	}
	return value.NewArray(out...), nil
}

func toBytes(_ context.Context, c *eval.Call) (value.Value, error) {
	if n, ok := c.Arg(0).(value.Int); ok {
		return n, nil
	}
	m := regexp.MustCompile(`^\s*([0-9.eE+-]+)\s*([kMGTPE]?)`).FindStringSubmatch(c.Str(0))
	if m == nil {
		return nil, c.Errorf("to_bytes(): '%s' is no size", c.Str(0))
	}
	f, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return nil, c.Errorf("to_bytes(): '%s' is no size", c.Str(0))
	}
	for range strings.Index("kMGTPE", m[2])*min(len(m[2]), 1) + min(len(m[2]), 1) {
		f *= 1024
	}
	return value.Int(f), nil
}

func hasAffix(has func(s, affix string) bool) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		for _, a := range flat([]value.Value{c.Arg(1)}) {
			if has(c.Str(0), a.String()) {
				return value.Bool(true), nil
			}
		}
		return value.Bool(false), nil
	}
}

// stdEnsure turns true, false, present, absent into the word that a type of resource wants.
func stdEnsure(_ context.Context, c *eval.Call) (value.Value, error) {
	present := c.Arg(0) == value.Value(value.Bool(true)) || c.Str(0) == "present"
	word := map[bool]string{true: "present", false: "absent"}[present]
	switch kind := c.Str(1); kind {
	case "package":
		word = map[bool]string{true: "installed", false: "absent"}[present]
	case "service":
		word = map[bool]string{true: "running", false: "stopped"}[present]
	case "directory", "link", "mounted", "file":
		if present {
			word = kind
		}
	}
	return value.String(word), nil
}

func ipInRange(_ context.Context, c *eval.Call) (value.Value, error) {
	addr, err := netip.ParseAddr(c.Str(0))
	if err != nil {
		return nil, c.Errorf("stdlib::ip_in_range(): '%s' is no address", c.Str(0))
	}
	for _, r := range flat([]value.Value{c.Arg(1)}) {
		p, err := netip.ParsePrefix(r.String())
		if err != nil {
			one, aerr := netip.ParseAddr(r.String())
			if aerr != nil {
				return nil, c.Errorf("stdlib::ip_in_range(): '%s' is no range", r)
			}
			p = netip.PrefixFrom(one, one.BitLen())
		}
		if p.Contains(addr) {
			return value.Bool(true), nil
		}
	}
	return value.Bool(false), nil
}
