package syntax

import (
	"strings"
	"unicode"
)

// checkRegexp looks for mistakes in a Ruby regular expression that Ruby refuses, and describes the first one. It knows the
// structure (groups, classes, repetitions, references), not every detail; what it does not know it lets pass.
func checkRegexp(pattern string) string {
	c := &regexpChecker{s: pattern}
	c.countGroups()
	c.run()
	return c.msg
}

type regexpChecker struct {
	s   string
	pos int
	// groups and names are the capturing groups of the whole pattern.
	groups int
	names  map[string]bool
	// open are the open groups: true for those that look behind, and all groups in them.
	open []bool
	// operand tells that there is something before the current position that can be repeated.
	operand bool
	msg     string
}

func (c *regexpChecker) fail(msg string) {
	if c.msg == "" {
		c.msg = msg
	}
	c.pos = len(c.s)
}

// countGroups finds the capturing groups, which references may stand before.
func (c *regexpChecker) countGroups() {
	c.names = map[string]bool{}
	for i := 0; i < len(c.s); i++ {
		switch {
		case c.s[i] == '\\':
			i++
		case strings.HasPrefix(c.s[i:], "(?<") || strings.HasPrefix(c.s[i:], "(?'"):
			if end := strings.IndexAny(c.s[i+3:], ">'"); end > 0 {
				c.names[c.s[i+3:i+3+end]] = true
			}
		case c.s[i] == '(' && !strings.HasPrefix(c.s[i:], "(?"):
			c.groups++
		}
	}
}

func (c *regexpChecker) run() {
	for c.pos < len(c.s) {
		switch ch := c.s[c.pos]; ch {
		case '\\':
			c.escape(false)
			c.operand = true
		case '[':
			c.class()
			c.operand = true
		case '(':
			c.group()
		case ')':
			if len(c.open) == 0 {
				c.fail("unmatched close parenthesis")
				return
			}
			c.open = c.open[:len(c.open)-1]
			c.pos++
			c.operand = true
		case '|':
			c.pos++
			c.operand = false
		case '*', '+', '?':
			if !c.operand {
				c.fail("target of repeat operator is not specified")
				return
			}
			c.pos++
			c.variable()
		case '{':
			c.repeat()
		default:
			c.pos++
			c.operand = true
		}
	}
	if len(c.open) > 0 {
		c.fail("end pattern with unmatched parenthesis")
	}
}

// group reads what follows an open parenthesis.
func (c *regexpChecker) group() {
	rest := c.s[c.pos+1:]
	c.operand = false
	if !strings.HasPrefix(rest, "?") {
		c.enter(1, false)
		return
	}
	rest = rest[1:]
	switch {
	case rest == "":
		c.fail("end pattern in group")
	case rest[0] == '#':
		if end := strings.IndexByte(rest, ')'); end >= 0 {
			c.pos += 2 + end + 1
			return
		}
		c.fail("end pattern in group")
	case strings.HasPrefix(rest, "<=") || strings.HasPrefix(rest, "<!"):
		c.enter(4, true)
	case rest[0] == '<' || rest[0] == '\'':
		c.named(rest)
	case strings.IndexByte(":=!>~", rest[0]) >= 0:
		c.enter(3, false)
	case rest[0] == '(':
		c.conditional(rest)
	default:
		c.options(rest)
	}
}

func (c *regexpChecker) enter(n int, behind bool) {
	c.open = append(c.open, behind || c.behind())
	c.pos += n
}

func (c *regexpChecker) behind() bool { return len(c.open) > 0 && c.open[len(c.open)-1] }

// variable refuses a repetition of variable length in a group that looks behind.
func (c *regexpChecker) variable() {
	if c.behind() {
		c.fail("invalid pattern in look-behind")
	}
}

// conditional reads (?(n)…) or (?(<name>)…).
func (c *regexpChecker) conditional(rest string) {
	end := strings.IndexByte(rest, ')')
	if end < 2 || strings.Trim(rest[1:end], "0123456789") != "" && rest[1] != '<' && rest[1] != '\'' {
		c.fail("invalid conditional pattern")
		return
	}
	c.enter(2+end+1, false)
}

func (c *regexpChecker) named(rest string) {
	end := strings.IndexAny(rest[1:], ">'")
	if end < 0 {
		c.fail("end pattern in group")
		return
	}
	name := rest[1 : 1+end]
	if name == "" {
		c.fail("group name is empty")
		return
	}
	if name[0] >= '0' && name[0] <= '9' || name[0] == '-' || strings.ContainsAny(name, ")( ") {
		c.fail("invalid group name <" + name + ">")
		return
	}
	c.enter(2+1+end+1, false)
}

// options reads (?imx-imx) and (?imx-imx:…).
func (c *regexpChecker) options(rest string) {
	for i := range len(rest) {
		switch rest[i] {
		case 'i', 'm', 'x', 'a', 'd', 'u', '-':
			continue
		case ')':
			c.pos += 2 + i + 1
			return
		case ':':
			c.enter(2+i+1, false)
			return
		}
		break
	}
	c.fail("undefined group option")
}

// repeat reads {n}, {n,}, {,m}, {n,m}; anything else in braces is plain text.
func (c *regexpChecker) repeat() {
	end := strings.IndexByte(c.s[c.pos:], '}')
	body := ""
	if end > 0 {
		body = c.s[c.pos+1 : c.pos+end]
	}
	low, high, comma := strings.Cut(body, ",")
	if body == "" || body == "," || strings.Trim(low, "0123456789") != "" || strings.Trim(high, "0123456789") != "" {
		c.pos++
		c.operand = true
		return
	}
	if !c.operand {
		c.fail("target of repeat operator is not specified")
		return
	}
	if len(low) > 6 || len(high) > 6 {
		c.fail("too big number {" + body + "}")
		return
	}
	if comma && low != "" && high != "" && number(low) > number(high) {
		c.fail("upper is smaller than lower in repeat range")
		return
	}
	c.pos += end + 1
	if comma && low != high {
		c.variable()
	}
}

func number(digits string) (n int) {
	for _, d := range digits {
		n = n*10 + int(d-'0')
	}
	return n
}

// escape reads a backslash and what belongs to it. It returns the character it stands for, or -1 for a set of characters.
func (c *regexpChecker) escape(inClass bool) rune {
	c.pos++
	if c.pos >= len(c.s) {
		c.fail("too short escape sequence")
		return -1
	}
	ch := c.s[c.pos]
	c.pos++
	switch ch {
	case 'x':
		if c.pos >= len(c.s) || !isHex(c.s[c.pos]) && c.s[c.pos] != '{' {
			c.fail("invalid hex escape")
		}
		return -1
	case 'u':
		if !strings.HasPrefix(c.s[c.pos:], "{") && (len(c.s) < c.pos+4 || strings.Trim(c.s[c.pos:c.pos+4], "0123456789abcdefABCDEF") != "") {
			c.fail("invalid Unicode escape")
		}
		return -1
	case 'p', 'P':
		c.property()
		return -1
	case 'k', 'g':
		if !inClass {
			c.reference(ch)
		}
		return -1
	case 'M', 'C':
		if !strings.HasPrefix(c.s[c.pos:], "-") {
			c.fail("too short meta escape")
		}
		return -1
	case 'd', 'D', 'w', 'W', 's', 'S', 'h', 'H', 'R', 'X':
		return -2
	case 'n', 't', 'r', 'f', 'v', 'a', 'e', 'c', 'b', 'B', 'A', 'z', 'Z', 'G', 'K':
		return -1
	}
	if ch >= '1' && ch <= '9' && !inClass {
		c.backReference(ch)
		return -1
	}
	if ch >= '0' && ch <= '9' {
		return -1
	}
	return rune(ch)
}

// backReference checks \1 … \9; with more digits it may as well be an octal number.
func (c *regexpChecker) backReference(ch byte) {
	if c.pos < len(c.s) && c.s[c.pos] >= '0' && c.s[c.pos] <= '9' {
		return
	}
	if int(ch-'0') > c.groups && len(c.names) == 0 {
		c.fail("invalid backref number/name")
	}
}

func (c *regexpChecker) reference(kind byte) {
	if c.pos >= len(c.s) || c.s[c.pos] != '<' && c.s[c.pos] != '\'' {
		if kind == 'k' {
			c.fail("invalid backref number/name")
		}
		return
	}
	end := strings.IndexAny(c.s[c.pos+1:], ">'")
	if end < 0 {
		c.fail("invalid group name <>")
		return
	}
	name := c.s[c.pos+1 : c.pos+1+end]
	c.pos += end + 2
	if name != "" && (name[0] == '-' || name[0] == '+' || name[0] >= '0' && name[0] <= '9') {
		return
	}
	if base, _, _ := strings.Cut(name, "+"); !c.names[base] {
		c.fail("undefined name <" + name + "> reference")
	}
}

// property checks the form of \p{…}.
func (c *regexpChecker) property() {
	if !strings.HasPrefix(c.s[c.pos:], "{") {
		return
	}
	end := strings.IndexByte(c.s[c.pos:], '}')
	if end < 0 {
		c.fail("invalid character property name")
		return
	}
	if name := c.s[c.pos+1 : c.pos+end]; !knownProperty(name) {
		c.fail("invalid character property name {" + name + "}")
		return
	}
	c.pos += end + 1
}

// knownProperty tells whether a name is that of a Unicode category, script or property, or of a POSIX class. Blocks (In…) and
// ages are taken as they are.
func knownProperty(name string) bool {
	fold := func(s string) string {
		return strings.ToLower(strings.NewReplacer("_", "", " ", "", "-", "").Replace(s))
	}
	want := strings.TrimPrefix(fold(name), "^")
	if strings.HasPrefix(want, "in") || strings.HasPrefix(want, "age=") || strings.Contains(posixClasses+"any assigned ", " "+want+" ") {
		return true
	}
	for _, table := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts, unicode.Properties} {
		for known := range table {
			if fold(known) == want {
				return true
			}
		}
	}
	_, alias := unicode.CategoryAliases[name]
	return alias
}

// posixClasses are the names in [[:…:]].
const posixClasses = " alnum alpha ascii blank cntrl digit graph lower print punct space upper xdigit word "

// class reads […], also nested ones.
func (c *regexpChecker) class() {
	c.pos++
	if strings.HasPrefix(c.s[c.pos:], "^") {
		c.pos++
	}
	first, last := true, rune(-1) // last is the character that a range could start with
	for c.pos < len(c.s) {
		ch := c.s[c.pos]
		switch {
		case ch == ']' && !first:
			c.pos++
			return
		case ch == ']' && !strings.Contains(c.s[c.pos+1:], "]"):
			c.fail("empty char-class")
			return
		case strings.HasPrefix(c.s[c.pos:], "[:"):
			c.posix()
			last = -1
		case ch == '[':
			c.class()
			last = -1
		case strings.HasPrefix(c.s[c.pos:], "&&"):
			c.pos += 2
			last = -1
		case ch == '-' && last >= 0 && c.pos+1 < len(c.s) && c.s[c.pos+1] != ']':
			c.rangeEnd(last)
			last = -1
		default:
			last = c.classChar()
		}
		first = false
	}
	if c.msg == "" {
		c.fail("premature end of char-class")
	}
}

// posix reads [:name:] in a class. Without `:]` before the next bracket it is a class in the class.
func (c *regexpChecker) posix() {
	end := strings.IndexByte(c.s[c.pos:], ']')
	if end < 3 || c.s[c.pos+end-1] != ':' {
		c.class()
		return
	}
	name := strings.TrimPrefix(c.s[c.pos+2:c.pos+end-1], "^")
	if !strings.Contains(posixClasses, " "+name+" ") {
		c.fail("invalid POSIX bracket type")
		return
	}
	c.pos += end + 1
}

// classChar reads one character of a class.
func (c *regexpChecker) classChar() rune {
	if c.s[c.pos] == '\\' {
		return c.escape(true)
	}
	for _, r := range c.s[c.pos:] {
		c.pos += len(string(r))
		return r
	}
	return -1
}

func (c *regexpChecker) rangeEnd(low rune) {
	c.pos++
	if c.s[c.pos] == '[' {
		return
	}
	switch high := c.classChar(); {
	case high == -2:
		c.fail("char-class value at end of range")
	case high >= 0 && high < low:
		c.fail("empty range in char class")
	}
}
