package function

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/value"
)

var (
	versionToken = regexp.MustCompile(`[-.]|\d+|[^-.\d]+`)
	trailingZero = regexp.MustCompile(`^([\d.]*?)(?:\.0+)+(?:$|(-.*))`)
)

func versioncmp(_ context.Context, c *eval.Call) (value.Value, error) {
	a, b := c.Str(0), c.Str(1)
	if value.Truthy(c.Arg(2)) {
		a, b = trailingZero.ReplaceAllString(a, "$1$2"), trailingZero.ReplaceAllString(b, "$1$2")
	}
	return number(compareVersions(a, b)), nil
}

// compareVersions orders versions part by part: a dash is before a dot is before anything else; numbers by value unless
// one has a leading zero; the rest as text without regard to case.
func compareVersions(a, b string) int {
	as, bs := versionToken.FindAllString(a, -1), versionToken.FindAllString(b, -1)
	for i := 0; i < len(as) && i < len(bs); i++ {
		if c := compareTokens(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return strings.Compare(a, b)
}

func compareTokens(x, y string) int {
	if x == y {
		return 0
	}
	for _, mark := range []string{"-", "."} {
		switch mark {
		case x:
			return -1
		case y:
			return 1
		}
	}
	xn, xerr := strconv.ParseUint(x, 10, 64)
	yn, yerr := strconv.ParseUint(y, 10, 64)
	if xerr == nil && yerr == nil && x[0] != '0' && y[0] != '0' {
		switch {
		case xn < yn:
			return -1
		case xn > yn:
			return 1
		}
		return 0
	}
	return strings.Compare(strings.ToUpper(x), strings.ToUpper(y))
}
