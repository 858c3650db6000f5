package conformance

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"kickoff/internal/puppet/syntax"
)

func parse(t *testing.T, j job) (*syntax.Program, string) {
	t.Helper()
	src := []byte(j.Code)
	if j.File != "" {
		var err error
		if src, err = os.ReadFile(j.File); err != nil {
			t.Fatal(err)
		}
	}
	prog, diags := syntax.Parse(j.File, src, syntax.Options{EPP: j.EPP})
	if err := diags.Err(); err != nil {
		return nil, err.Error()
	}
	return prog, ""
}

// TestParserAccepts: every manifest and template of the ten packages is accepted, if the real parser accepts it.
func TestParserAccepts(t *testing.T) {
	requireOracle(t)
	var jobs []job
	for _, f := range moduleFiles(t, ".pp", modulePackages) {
		jobs = append(jobs, job{File: f})
	}
	for _, f := range moduleFiles(t, ".epp", modulePackages) {
		jobs = append(jobs, job{File: f, EPP: true})
	}
	if len(jobs) < 200 {
		t.Fatalf("only %d files found", len(jobs))
	}
	for i, a := range ask(t, jobs) {
		if _, err := parse(t, jobs[i]); (err == "") != a.OK {
			t.Errorf("%s: real: %v %s\nours: %s", jobs[i].File, a.OK, a.Error, err)
		}
	}
}

// TestParserTrees: the trees of all installed modules are the same as the real parser's.
func TestParserTrees(t *testing.T) {
	requireOracle(t)
	var jobs []job
	for _, f := range moduleFiles(t, ".pp", nil) {
		jobs = append(jobs, job{File: f, Dump: true})
	}
	for _, f := range moduleFiles(t, ".epp", nil) {
		jobs = append(jobs, job{File: f, EPP: true, Dump: true})
	}
	bad := 0
	for i, a := range ask(t, jobs) {
		prog, err := parse(t, jobs[i])
		if (err == "") != a.OK {
			t.Errorf("%s: real: %v %s\nours: %s", jobs[i].File, a.OK, a.Error, err)
			continue
		}
		if !a.OK {
			continue
		}
		if got, want := squeeze(syntax.Dump(prog)), squeeze(a.Tree); got != want {
			if bad++; bad <= 10 {
				t.Errorf("%s: trees differ\n%s", jobs[i].File, firstDifference(got, want))
			}
		}
	}
	t.Logf("%d of %d trees differ", bad, len(jobs))
}

// squeeze takes all white space away: where the real dumper puts some depends on what it dumped before.
func squeeze(s string) string {
	s = strings.Join(strings.Fields(s), "")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "/(?-mix:", "/"), ")/", "/") // how it prints some regular expressions
	return strings.ReplaceAll(s, "(render-s'')", "")
}

func firstDifference(got, want string) string {
	n := 0
	for n < len(got) && n < len(want) && got[n] == want[n] {
		n++
	}
	from := max(0, n-60)
	return "ours: …" + got[from:min(len(got), n+60)] + "\nreal: …" + want[from:min(len(want), n+60)]
}

// TestParserSnippets: short texts, one for each rule and corner that was found, are accepted or refused as by the real parser,
// with the same tree. Known differences are listed with their reason.
func TestParserSnippets(t *testing.T) {
	requireOracle(t)
	jobs := readSnippets(t, "testdata/snippets.jsonl")
	for i, a := range ask(t, jobs) {
		j := jobs[i]
		if knownDifferences[j.Code] != "" {
			continue
		}
		prog, err := parse(t, j)
		if (err == "") != a.OK {
			t.Errorf("%q: real: %v %s\nours: %s", j.Code, a.OK, a.Error, err)
			continue
		}
		if !a.OK {
			continue
		}
		if got, want := squeeze(syntax.Dump(prog)), squeeze(a.Tree); got != want {
			t.Errorf("%q: trees differ\n%s", j.Code, firstDifference(got, want))
		}
	}
}

// knownDifferences are texts on which kickoff differs from the real parser on purpose.
var knownDifferences = map[string]string{
	"$a = @(A) + \"x\n  one\n  | A\n yy\"\n": "a string that starts behind a heredoc and ends behind its text: refused there, its lines here",
	"$a = \"${x}\"$b = 1":                    "a variable right behind the closing quote is taken for an interpolation there",
	"$a = \"$x\"$b":                          "a variable right behind the closing quote is taken for an interpolation there",
	"$a = \"${x}\"\"${y}\"":                  "a string right behind the closing quote is taken for a part of the first there",
	"$a = \"\"$b":                            "a variable right behind an empty string is taken for its interpolation there",
	"$a = \"\"${b}\"":                        "as before",
	"<%# x -%> y":                            "the blank text before a comment is dropped there",
	"a <%# x -%>":                            "the text before a comment that ends the template is lost there",
}

func readSnippets(t *testing.T, name string) []job {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var jobs []job
	for dec := json.NewDecoder(f); dec.More(); {
		j := job{Dump: true}
		if err := dec.Decode(&j); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	return jobs
}
