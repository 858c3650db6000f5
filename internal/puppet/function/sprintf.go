package function

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

func sprintf(_ context.Context, c *eval.Call) (value.Value, error) {
	args := c.Args[1:]
	for i, a := range args {
		if s, ok := a.(*value.Sensitive); ok {
			args[i] = s
		}
	}
	p := printer{format: c.Str(0), args: args}
	if err := p.run(); err != nil {
		return nil, c.Errorf("%v", err)
	}
	return value.String(p.b.String()), nil
}

// printer formats as Ruby's sprintf.
type printer struct {
	format string
	args   []value.Value
	at     int // the place in format
	next   int // the next argument
	b      strings.Builder
}

// directive is one %… of the format.
type directive struct {
	minus, plus, zero, space, alt bool
	width, prec                   int
	hasPrec                       bool
	arg                           value.Value // set by %<name> and %1$
}

func (p *printer) run() error {
	for p.at < len(p.format) {
		n := strings.IndexByte(p.format[p.at:], '%')
		if n < 0 {
			p.b.WriteString(p.format[p.at:])
			return nil
		}
		p.b.WriteString(p.format[p.at : p.at+n])
		p.at += n + 1
		if err := p.directive(); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) take() (value.Value, error) {
	if p.next >= len(p.args) {
		return nil, fmt.Errorf("too few arguments")
	}
	p.next++
	return p.args[p.next-1], nil
}

// maxWidth bounds width and precision, so that a format cannot ask for gigabytes.
const maxWidth = 1 << 16

func (p *printer) number() int {
	n := 0
	for p.at < len(p.format) && p.format[p.at] >= '0' && p.format[p.at] <= '9' {
		n = min(n*10+int(p.format[p.at]-'0'), maxWidth)
		p.at++
	}
	return n
}

func (p *printer) directive() error {
	var d directive
	for p.at < len(p.format) {
		ch := p.format[p.at]
		switch ch {
		case '-':
			d.minus = true
		case '+':
			d.plus = true
		case ' ':
			d.space = true
		case '#':
			d.alt = true
		case '0':
			d.zero = true
		default:
			done, err := p.rest(ch, &d)
			if done || err != nil {
				return err
			}
			continue
		}
		p.at++
	}
	return fmt.Errorf("incomplete format specifier; use %%%% (double %%) instead")
}

// rest reads width, precision, names and at last the verb, which ends the directive.
func (p *printer) rest(ch byte, d *directive) (done bool, err error) {
	switch {
	case ch >= '1' && ch <= '9':
		n := p.number()
		if p.at < len(p.format) && p.format[p.at] == '$' {
			p.at++
			if n > len(p.args) {
				return false, fmt.Errorf("too few arguments")
			}
			d.arg = p.args[n-1]
			return false, nil
		}
		d.width = n
		return false, nil
	case ch == '*':
		p.at++
		v, err := p.take()
		n, ok := v.(value.Int)
		if err != nil || !ok {
			return false, fmt.Errorf("too few arguments")
		}
		if d.width = min(int(max(n, -n)), maxWidth); n < 0 {
			d.minus = true
		}
		return false, nil
	case ch == '.':
		p.at++
		d.hasPrec, d.prec = true, p.number()
		return false, nil
	case ch == '<' || ch == '{':
		return p.named(ch, d)
	}
	p.at++
	return true, p.verb(ch, d)
}

// named reads %<name> and %{name}; the latter is a whole directive.
func (p *printer) named(open byte, d *directive) (done bool, err error) {
	end := strings.IndexByte(p.format[p.at:], map[byte]byte{'<': '>', '{': '}'}[open])
	if end < 0 {
		return false, fmt.Errorf("malformed name - unmatched parenthesis")
	}
	name := p.format[p.at+1 : p.at+end]
	p.at += end + 1
	if len(p.args) != 1 {
		return false, fmt.Errorf("one hash required")
	}
	h, ok := p.args[0].(*value.Hash)
	if !ok {
		return false, fmt.Errorf("one hash required")
	}
	v, ok := h.GetString(name)
	if !ok {
		return false, fmt.Errorf("key<%s> not found", name)
	}
	if open == '{' {
		p.pad(rubyText(v), d)
		return true, nil
	}
	d.arg = v
	return false, nil
}

func (p *printer) pad(s string, d *directive) {
	if d.hasPrec && utf8.RuneCountInString(s) > d.prec {
		s = string([]rune(s)[:d.prec])
	}
	p.padded(s, d)
}

func (p *printer) padded(s string, d *directive) {
	blanks := strings.Repeat(" ", max(0, d.width-utf8.RuneCountInString(s)))
	if d.minus {
		p.b.WriteString(s + blanks)
		return
	}
	p.b.WriteString(blanks + s)
}

func (p *printer) verb(ch byte, d *directive) error {
	if ch == '%' || ch == '\n' || ch == 0 {
		p.b.WriteByte('%')
		if ch != '%' {
			p.b.WriteByte(ch)
		}
		return nil
	}
	v := d.arg
	if v == nil {
		var err error
		if v, err = p.take(); err != nil {
			return err
		}
	}
	switch ch {
	case 's':
		p.pad(rubyText(v), d)
	case 'p':
		p.pad(rubyInspect(v), d)
	case 'c':
		if n, ok := v.(value.Int); ok {
			v = value.String(string(rune(n)))
		}
		s := []rune(v.String())
		if len(s) == 0 {
			return fmt.Errorf("%%c requires a character")
		}
		p.padded(string(s[:1]), d)
	case 'd', 'i', 'u', 'x', 'X', 'o', 'b', 'B':
		n, err := integerArg(v)
		if err != nil {
			return err
		}
		p.integer(ch, n, d)
	case 'f', 'e', 'E', 'g', 'G', 'a', 'A':
		f, err := floatArg(v)
		if err != nil {
			return err
		}
		p.float(ch, f, d)
	default:
		return fmt.Errorf("malformed format string - %%%c", ch)
	}
	return nil
}

// integerArg converts as Ruby's Integer() does for %d.
func integerArg(v value.Value) (int64, error) {
	switch v := v.(type) {
	case value.Int:
		return int64(v), nil
	case value.Float:
		return int64(math.Floor(float64(v))), nil
	case value.String:
		if n, err := types.New(types.AnyInteger, []value.Value{v}); err == nil {
			return int64(n.(value.Int)), nil
		}
		return 0, fmt.Errorf("invalid value for Integer(): %s", rubyInspect(v))
	}
	return 0, fmt.Errorf("can't convert %s into Integer", rubyClass(v))
}

func floatArg(v value.Value) (float64, error) {
	switch v := v.(type) {
	case value.Int:
		return float64(v), nil
	case value.Float:
		return float64(v), nil
	case value.String:
		if n, err := types.New(types.AnyFloat, []value.Value{v}); err == nil {
			return float64(n.(value.Float)), nil
		}
		return 0, fmt.Errorf("invalid value for Float(): %s", rubyInspect(v))
	}
	return 0, fmt.Errorf("can't convert %s into Float", rubyClass(v))
}

func rubyClass(v value.Value) string {
	switch v := v.(type) {
	case value.Undef:
		return "nil"
	case value.Bool:
		return v.String()
	}
	return v.TypeName()
}

func (p *printer) integer(verb byte, n int64, d *directive) {
	base, prefix := 10, ""
	switch verb {
	case 'x', 'X':
		base, prefix = 16, "0x"
	case 'o':
		base, prefix = 8, "0"
	case 'b', 'B':
		base, prefix = 2, "0b"
	}
	mag := uint64(n)
	if n < 0 {
		mag = uint64(-n)
	}
	digits := strconv.FormatUint(mag, base)
	if !d.alt {
		prefix = ""
	}
	sign := ""
	switch {
	case n < 0 && base != 10 && !d.plus && !d.space:
		digits = complement(n, base)
	case n < 0:
		sign = "-"
	case d.plus:
		sign = "+"
	case d.space:
		sign = " "
	}
	if verb == 'X' || verb == 'B' {
		digits, prefix = strings.ToUpper(digits), strings.ToUpper(prefix)
	}
	if d.hasPrec && len(digits) < d.prec {
		digits = strings.Repeat("0", d.prec-len(digits)) + digits
	}
	p.signed(sign+prefix, digits, d, !d.hasPrec)
}

// signed writes a number with its sign, zeros between them if asked.
func (p *printer) signed(sign, digits string, d *directive, zeros bool) {
	if d.zero && !d.minus && zeros {
		digits = strings.Repeat("0", max(0, d.width-len(sign)-len(digits))) + digits
	}
	p.padded(sign+digits, d)
}

// complement is Ruby's form of a negative number in another base: ..f at its head stands for endless digits.
func complement(n int64, base int) string {
	top := map[int]string{16: "f", 8: "7", 2: "1"}[base]
	digits := strconv.FormatUint(uint64(n), base)
	if base == 8 {
		digits = digits[1:] // the top octal digit holds one bit only
	}
	return ".." + top + strings.TrimLeft(digits, top)
}

func (p *printer) float(verb byte, f float64, d *directive) {
	sign := ""
	switch {
	case math.Signbit(f):
		sign, f = "-", -f
	case d.plus:
		sign = "+"
	case d.space:
		sign = " "
	}
	if math.IsInf(f, 0) || math.IsNaN(f) {
		p.signed(sign, map[bool]string{true: "NaN", false: "Inf"}[math.IsNaN(f)], d, false)
		return
	}
	prec := 6
	if d.hasPrec {
		prec = d.prec
	}
	text := fmt.Sprintf("%."+strconv.Itoa(prec)+string(goVerb(verb)), f)
	p.signed(sign, text, d, true)
}

// goVerb is Go's verb for one of C's.
func goVerb(verb byte) byte {
	switch verb {
	case 'a':
		return 'x'
	case 'A':
		return 'X'
	}
	return verb
}
