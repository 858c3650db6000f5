package conformance

import (
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"kickoff/internal/puppet/syntax"
)

// pieces cuts Puppet code roughly into tokens and white space; it need not be exact, only cover every byte.
var pieces = regexp.MustCompile(`(?s)\s+|\$?(?:::)?\w+(?:::\w+)*|=>|->|~>|[=!]~|==|!=|<=|>=|<<\||\|>>|<\||\|>|<<|>>|.`)

// inserted are tokens that a mutation puts in.
var inserted = []string{
	"{", "}", "(", ")", "[", "]", ",", ";", ":", "=>", "->", "=", "==", "'", `"`, "|", "$", "$x", "${", "@", "@@", "@(X)", "/", "?", "!", "*", ".",
	"if", "else", "elsif", "unless", "case", "class", "define", "node", "function", "type", "inherits", "default", "undef", "and", "or", "in",
	"true", "1", "08", "0x", "1.5", "foo", "Foo", "foo::Bar", "::", "-", "+", "+>", "+=", "<|", "|>", "#", "/*", "*/", "\\", "notice", "include", " ", "\n",
}

// quirks are texts in which a quote or variable follows a closing quote at once; see knownDifferences.
var quirks = regexp.MustCompile(`[}"]"["$]`)

// mutate changes one to two pieces of a text.
func mutate(r *rand.Rand, text string) string {
	p := pieces.FindAllString(text, -1)
	if len(p) < 4 {
		return text + inserted[r.IntN(len(inserted))]
	}
	for range 1 + r.IntN(2) {
		i := r.IntN(len(p) - 1)
		switch r.IntN(6) {
		case 0, 1:
			p[i] = ""
		case 2:
			p[i] += " " + inserted[r.IntN(len(inserted))] + " "
		case 3:
			p[i] = inserted[r.IntN(len(inserted))]
		case 4:
			p[i], p[i+1] = p[i+1], p[i]
		case 5:
			p[i] = p[r.IntN(len(p))]
		}
	}
	return strings.Join(p, "")
}

// mutants makes broken (and some harmless) variants of real files, the same ones every time.
func mutants(t *testing.T, files []string, epp bool, n int, seed uint64) []job {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	jobs := make([]job, 0, n)
	for len(jobs) < n {
		src, err := os.ReadFile(files[r.IntN(len(files))])
		if err != nil {
			t.Fatal(err)
		}
		if len(src) > 20_000 {
			continue
		}
		code := mutate(r, string(src))
		if quirks.MatchString(code) {
			continue
		}
		jobs = append(jobs, job{Code: code, EPP: epp, Dump: true})
	}
	return jobs
}

// TestParserMutants: what the real parser refuses, we refuse; what it accepts, we accept, with the same tree.
// KICKOFF_MUTANTS sets how many are tried, KICKOFF_MUTANT_SEED which ones.
func TestParserMutants(t *testing.T) {
	requireOracle(t)
	n, seed := envInt("KICKOFF_MUTANTS", 400), uint64(envInt("KICKOFF_MUTANT_SEED", 1))
	jobs := mutants(t, moduleFiles(t, ".pp", modulePackages), false, n*7/8, seed)
	jobs = append(jobs, mutants(t, moduleFiles(t, ".epp", modulePackages), true, n/8, seed)...)
	refused, accepted := 0, 0
	for i, a := range ask(t, jobs) {
		prog, err := parse(t, jobs[i])
		if a.OK {
			accepted++
		} else {
			refused++
		}
		switch {
		case (err == "") != a.OK:
			t.Errorf("mutant %d: real: %v %s\nours: %s\n%s", i, a.OK, a.Error, err, keep(t, i, jobs[i].Code))
		case a.OK && squeeze(syntax.Dump(prog)) != squeeze(a.Tree):
			t.Errorf("mutant %d: trees differ\n%s\n%s", i, firstDifference(squeeze(syntax.Dump(prog)), squeeze(a.Tree)), keep(t, i, jobs[i].Code))
		}
	}
	t.Logf("of %d mutants the real parser refuses %d and accepts %d", len(jobs), refused, accepted)
	if refused < 100 {
		t.Errorf("only %d mutants are broken, at least 100 are needed", refused)
	}
}

// keep writes a mutant into the directory that KICKOFF_KEEP names, for a look at it.
func keep(t *testing.T, i int, code string) string {
	t.Helper()
	dir := os.Getenv("KICKOFF_KEEP")
	if dir == "" {
		return "set KICKOFF_KEEP to a directory to keep the text"
	}
	name := dir + "/mutant" + strconv.Itoa(i) + ".pp"
	if err := os.WriteFile(name, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func envInt(name string, fallback int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return fallback
}
