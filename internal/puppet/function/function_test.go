package function

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

func TestSignatures(t *testing.T) {
	fs, err := eval.NewFunctions(Builtin(), Stdlib())
	if err != nil {
		t.Fatal(err)
	}
	if err := fs.Check(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d functions", len(fs.Names()))
}

// run evaluates code with a few facts and gives the log, one line for each message, and the error's text.
func run(t *testing.T, code string) ([]string, error) {
	t.Helper()
	fs, err := eval.NewFunctions(Builtin(), Stdlib())
	if err != nil {
		t.Fatal(err)
	}
	prog, diags := syntax.Parse("", []byte(code), syntax.Options{})
	if err := diags.Err(); err != nil {
		return nil, err
	}
	top := eval.NewTop(nil)
	top.Define("facts", value.HashOf("fqdn", "h.example.com", "networking", value.HashOf("fqdn", "h.example.com"),
		"os", value.HashOf("family", "Debian")))
	var log []string
	e := eval.New(top, eval.Options{Functions: fs, Log: func(m eval.Message) {
		if !strings.Contains(m.Text, "deprecated") {
			log = append(log, string(m.Level)+": "+m.Text)
		}
	}})
	_, err = e.Evaluate(context.Background(), top, prog.Body)
	return log, err
}

// TestGolden compares with what the real Puppet wrote: testdata/NAME.pp and NAME.expected, made by testdata/regenerate.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.pp")
	if err != nil || len(inputs) == 0 {
		t.Fatal("no goldens", err)
	}
	for _, in := range inputs {
		t.Run(filepath.Base(in), func(t *testing.T) {
			code, err := os.ReadFile(in)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(in, ".pp") + ".expected")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.SplitSeq(strings.TrimSpace(string(code)), "\n") {
				log, err := run(t, line)
				text := strings.Join(log, "\\n")
				if err != nil {
					text = "error"
				}
				got = append(got, line, "  "+strings.ReplaceAll(text, "\n", "\\n"))
			}
			if d := cmp.Diff(strings.Split(strings.TrimRight(string(want), "\n"), "\n"), got); d != "" {
				t.Errorf("-puppet +kickoff\n%s", d)
			}
		})
	}
}
