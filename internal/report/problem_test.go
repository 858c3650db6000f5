package report

import (
	"strings"
	"testing"
)

func TestProblemIsTheFirstError(t *testing.T) {
	for _, c := range []struct {
		logs []Log
		want string
	}{
		{nil, ""},
		{[]Log{{Level: "notice", Message: "all is well"}}, ""},
		{[]Log{{Level: "notice", Message: "a"}, {Level: "err", Source: "Puppet", Message: "no catalog"}, {Level: "err", Message: "later"}}, "no catalog"},
		{[]Log{{Level: "err", Source: "/Stage[main]/Exec[x]/returns", Message: "failed"}}, "/Stage[main]/Exec[x]/returns: failed"},
	} {
		if got := (&Report{Logs: c.logs}).Problem(); got != c.want {
			t.Errorf("%v: %q, want %q", c.logs, got, c.want)
		}
	}
	long := &Report{Logs: []Log{{Level: "err", Message: strings.Repeat("x", 10*maxProblem)}}}
	if got := len(long.Problem()); got > maxProblem+3 {
		t.Errorf("the problem has %d bytes", got)
	}
}
