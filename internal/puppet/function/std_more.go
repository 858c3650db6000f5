package function

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"html"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/hiera"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// stdMoreTable: the rest of stdlib, each used by few modules.
func stdMoreTable() []eval.Function {
	return []eval.Function{
		fn("delete_regex", sig(deleteRegex, eval.Req("from", "Variant[Array, Hash]"), eval.Req("patterns", "Any"))),
		fn("clamp", sig(clamp, eval.Rest1("values", "Any"))),
		fn("type_of", sig(typeOf, eval.Req("value", "Any"))),
		fn("stdlib::type_of", sig(typeOf, eval.Req("value", "Any"))),
		fn("convert_base", sig(convertBase, eval.Req("number", "Variant[Integer, String]"), eval.Req("base", "Variant[Integer, String]"))),
		fn("fqdn_uuid", sig(fqdnUUID, eval.Req("name", "String"))),
		fn("shell_split", sig(shellSplit, eval.Req("text", "String"))),
		fn("os_version_gte", sig(osVersionGTE, eval.Req("os", "String[1]"), eval.Req("version", "String[1]"))),
		fn("stdlib::os_version_gte", sig(osVersionGTE, eval.Req("os", "String[1]"), eval.Req("version", "String[1]"))),
		fn("stdlib::xml_encode", sig(xmlEncode, eval.Req("str", "String"), eval.Opt("type", "Enum['attr', 'text']"))),
		fn("stdlib::has_function", sig(func(ctx context.Context, c *eval.Call) (value.Value, error) {
			return value.Bool(c.Eval.HasFunction(ctx, c.Str(0))), nil
		}, eval.Req("function_name", "String[1]"))),
		fn("stdlib::rewrap_sensitive_data", sigBlock(rewrap, "Optional[Callable[Any]]", eval.Req("data", "Any"))),
		fn("time", sig(func(context.Context, *eval.Call) (value.Value, error) {
			return value.Int(time.Now().Unix()), nil
		}, eval.Rest("timezone", "Any"))),
		fn("loadyaml", sig(load(func(path string, b []byte) (value.Value, error) { return hiera.ParseYAML(path, b) }),
			eval.Req("path", "String"), eval.Opt("default", "Any"))),
		fn("loadjson", sig(load(func(_ string, b []byte) (value.Value, error) { return value.ParseJSON(b) }),
			eval.Req("path", "String"), eval.Opt("default", "Any"))),
		fn("load_module_metadata", sig(moduleMetadata, eval.Req("module", "String"), eval.Opt("allow_none", "Any"))),
	}
}

// deleteRegex removes the texts, or the entries with keys, that match one of the patterns as a whole.
func deleteRegex(_ context.Context, c *eval.Call) (value.Value, error) {
	var patterns []*value.Regexp
	for _, p := range flat([]value.Value{c.Arg(1)}) {
		re, err := value.NewRegexp(`\A(?:` + p.String() + `)\z`)
		if err != nil {
			return nil, c.Errorf("delete_regex(): %v", err)
		}
		patterns = append(patterns, re)
	}
	matches := func(v value.Value) bool {
		for _, re := range patterns {
			if loc, err := re.Find(v.String()); err == nil && loc != nil {
				return true
			}
		}
		return false
	}
	if h, ok := c.Arg(0).(*value.Hash); ok {
		out := value.NewHash(h.Len())
		for k, v := range h.All() {
			if !matches(k) {
				out.Set(k, v)
			}
		}
		return out, nil
	}
	var out []value.Value
	for _, e := range c.Arg(0).(*value.Array).Elems() {
		if !matches(e) {
			out = append(out, e)
		}
	}
	return value.NewArray(out...), nil
}

// clamp gives the middle one of three numbers.
func clamp(_ context.Context, c *eval.Call) (value.Value, error) {
	var nums []value.Value
	for _, v := range flat(c.Args) {
		n, err := types.ToNumber(v)
		if err != nil {
			return nil, c.Errorf("clamp(): Required explicit numeric")
		}
		nums = append(nums, n)
	}
	if len(nums) != 3 {
		return nil, c.Errorf("clamp(): Wrong number of arguments, need three to clamp")
	}
	for i, n := range nums {
		below, above := 0, 0
		for j, o := range nums {
			if i != j && compareNumbers(o, n) <= 0 {
				below++
			}
			if i != j && compareNumbers(o, n) >= 0 {
				above++
			}
		}
		if below >= 1 && above >= 1 {
			return n, nil
		}
	}
	return nums[0], nil
}

func convertBase(_ context.Context, c *eval.Call) (value.Value, error) {
	base, err := strconv.Atoi(c.Str(1))
	if err != nil || base < 2 || base > 36 {
		return nil, c.Errorf("convert_base(): base must be between 2 and 36 and must not be a decimal")
	}
	n, err := strconv.ParseInt(c.Str(0), 10, 64)
	if err != nil {
		return nil, c.Errorf("convert_base(): argument must be an integer or a string corresponding to an integer in base 10")
	}
	return value.String(strconv.FormatInt(n, base)), nil
}

// fqdnUUID is the UUID of version 5 of a name in the DNS name space (RFC 4122).
func fqdnUUID(_ context.Context, c *eval.Call) (value.Value, error) {
	dns := []byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	sum := sha1.Sum(append(dns, c.Str(0)...))
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return value.String(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]), nil
}

var shellWord = regexp.MustCompile(`\s*((?:[^\s\\'"]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)`)
var shellPart = regexp.MustCompile(`\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'`)

// shellSplit splits into words as a POSIX shell does.
func shellSplit(_ context.Context, c *eval.Call) (value.Value, error) {
	var out []string
	for _, m := range shellWord.FindAllStringSubmatch(c.Str(0), -1) {
		out = append(out, shellPart.ReplaceAllStringFunc(m[1], func(part string) string {
			switch part[0] {
			case '\'':
				return part[1 : len(part)-1]
			case '"':
				return regexp.MustCompile("\\\\([$`\"\\\\\n])").ReplaceAllString(part[1:len(part)-1], "$1")
			}
			return part[1:]
		}))
	}
	return value.Strings(out...), nil
}

func osVersionGTE(_ context.Context, c *eval.Call) (value.Value, error) {
	facts, _ := c.Eval.Variable(c.Scope, "facts")
	h, _ := facts.(*value.Hash)
	name, _ := h.Dig("os", "name")
	release, _ := h.Dig("os", "release", "major")
	same := name != nil && name.String() == c.Str(0)
	return value.Bool(same && compareVersions(orUndef(release).String(), c.Str(1)) >= 0), nil
}

func xmlEncode(_ context.Context, c *eval.Call) (value.Value, error) {
	s := strings.NewReplacer("&#34;", "&quot;", "&#39;", "'").Replace(html.EscapeString(c.Str(0)))
	if c.Str(1) == "attr" {
		return value.String(`"` + s + `"`), nil
	}
	return value.String(strings.ReplaceAll(s, "&quot;", `"`)), nil
}

// rewrap opens every Sensitive in the data, gives the data to the lambda and makes the result Sensitive if one was found.
func rewrap(ctx context.Context, c *eval.Call) (value.Value, error) {
	v, secret := openSensitive(c.Arg(0))
	if c.Block != nil {
		var err error
		if v, err = yield(ctx, c, v); err != nil {
			return nil, err
		}
	}
	if secret {
		return value.NewSensitive(v), nil
	}
	return v, nil
}

// load reads a file of the server; a default makes up for one that is not there or cannot be read.
func load(read func(path string, b []byte) (value.Value, error)) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		if !filepath.IsAbs(c.Str(0)) {
			return nil, c.Errorf("%s(): only absolute paths are read, got '%s'", c.Name, c.Str(0))
		}
		text, err := content(c, c.Str(0))
		if err == nil {
			var v value.Value
			if v, err = read(c.Str(0), text); err == nil {
				return v, nil
			}
		}
		if c.Has(1) {
			return c.Arg(1), nil
		}
		return nil, c.Errorf("%s(): %v", c.Name, err)
	}
}

func moduleMetadata(_ context.Context, c *eval.Call) (value.Value, error) {
	if env := c.Environment(); env != nil {
		if m := env.Module(c.Str(0)); m != nil {
			if text, err := env.ReadFile(filepath.Join(m.Dir, "metadata.json")); err == nil {
				return value.ParseJSON(text)
			}
		}
	}
	if value.Truthy(c.Arg(1)) {
		return value.NewHash(0), nil
	}
	return nil, c.Errorf("load_module_metadata(): No metadata.json file for module %s", c.Str(0))
}
