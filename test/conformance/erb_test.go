package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/function"
	"kickoff/internal/puppet/module"
	"kickoff/internal/value"
)

// erbCase is a template with the variables around it; erbAnswer is what the real Puppet makes of it.
type erbCase struct {
	Vars     json.RawMessage `json:"vars"`
	Template string          `json:"template,omitempty"`
	File     string          `json:"file,omitempty"`
}

type erbAnswer struct {
	Template string `json:"template"`
	Text     string `json:"text"`
	Error    string `json:"error,omitempty"`
}

const erbGolden = "testdata/erb/golden.jsonl"

// erbCases reads the corpus: one expression per line, and templates between lines of dashes.
func erbCases(t *testing.T) []erbCase {
	t.Helper()
	vars := read(t, "testdata/erb/vars.json")
	var cases []erbCase
	for line := range strings.Lines(string(read(t, "testdata/erb/expressions.txt"))) {
		line = strings.TrimSuffix(line, "\n")
		tpl := "<%= " + line + " %>"
		if n := strings.LastIndex(line, "; "); n >= 0 && !strings.Contains(line, "{ |x| next") && !strings.HasPrefix(line, "begin") {
			tpl = "<% " + line[:n] + " %><%= " + line[n+2:] + " %>"
		}
		cases = append(cases, erbCase{Vars: vars, Template: tpl})
	}
	for tpl := range strings.SplitSeq(string(read(t, "testdata/erb/templates.txt")), "----\n") {
		cases = append(cases, erbCase{Vars: vars, Template: tpl})
	}
	return cases
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// askERB has the real Puppet render the cases.
func askERB(t *testing.T, cases []erbCase) []erbAnswer {
	t.Helper()
	var in bytes.Buffer
	for _, c := range cases {
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var line bytes.Buffer
		if err := json.Compact(&line, b); err != nil {
			t.Fatal(err)
		}
		in.Write(append(line.Bytes(), '\n'))
	}
	cmd := exec.CommandContext(t.Context(), "ruby", "erb_oracle.rb")
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the real Puppet: %v", err)
	}
	answers := parseAnswers(t, out)
	if len(answers) != len(cases) {
		t.Fatalf("%d answers to %d cases", len(answers), len(cases))
	}
	for i := range answers {
		answers[i].Template = cases[i].Template
	}
	return answers
}

func parseAnswers(t *testing.T, data []byte) []erbAnswer {
	t.Helper()
	var answers []erbAnswer
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var a erbAnswer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	return answers
}

// renderERB is our side of a case; env may be nil.
func renderERB(t *testing.T, fns *eval.Functions, env *module.Environment, c erbCase) (string, error) {
	t.Helper()
	v, err := value.ParseJSON(c.Vars)
	if err != nil {
		t.Fatal(err)
	}
	top := eval.NewTop(nil)
	for k, x := range v.(*value.Hash).All() {
		top.Define(k.String(), x)
	}
	name, arg := "inline_template", c.Template
	if c.File != "" {
		name, arg = "template", c.File
	}
	out, err := eval.New(top, eval.Options{Functions: fns, Environment: env}).
		CallFunction(t.Context(), top, diag.Range{}, name, []value.Value{value.String(arg)}, nil)
	if err != nil {
		return "", err
	}
	return out.String(), nil
}

func erbFunctions(t *testing.T) *eval.Functions {
	t.Helper()
	fns, err := eval.NewFunctions(append(function.Builtin(), function.Stdlib()...))
	if err != nil {
		t.Fatal(err)
	}
	return fns
}

// refusedERB are constructs outside of the subset, which kickoff refuses where the real Puppet renders.
func refusedERB(err error) bool {
	return err != nil && strings.Contains(err.Error(), "not supported")
}

// TestERBGolden replays what the real Puppet rendered.
func TestERBGolden(t *testing.T) {
	answers := parseAnswers(t, read(t, erbGolden))
	cases := erbCases(t)
	if len(answers) != len(cases) {
		t.Fatalf("%d goldens for %d cases: record them again with KICKOFF_CONFORMANCE=1 KICKOFF_RECORD=1", len(answers), len(cases))
	}
	fns := erbFunctions(t)
	refused := 0
	for i, want := range answers {
		c := cases[i]
		got, err := renderERB(t, fns, nil, c)
		switch {
		case want.Error != "" && err == nil:
			t.Errorf("%s\ngives %q, Puppet says %s", c.Template, got, want.Error)
		case want.Error != "":
		case refusedERB(err):
			refused++
			t.Logf("refused: %s: %v", c.Template, err)
		case err != nil:
			t.Errorf("%s\nerror %v, Puppet gives %q", c.Template, err, want.Text)
		case got != want.Text:
			t.Errorf("%s\ngot  %q\nwant %q", c.Template, got, want.Text)
		}
	}
	t.Logf("%d cases, %d outside of the subset", len(cases), refused)
	if refused*50 > len(cases) {
		t.Errorf("%d of %d cases are refused: more than 2 %%", refused, len(cases))
	}
}

// TestERBCorpusOfCases asks the real Puppet again, and keeps its answers with KICKOFF_RECORD=1.
func TestERBCorpusOfCases(t *testing.T) {
	requireOracle(t)
	answers := askERB(t, erbCases(t))
	if os.Getenv("KICKOFF_RECORD") == "1" {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		for _, a := range answers {
			// addresses differ from run to run
			a.Error, _, _ = strings.Cut(a.Error, " for #<")
			if err := enc.Encode(a); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.FromSlash(erbGolden), out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for i, want := range parseAnswers(t, read(t, erbGolden)) {
		if i < len(answers) && answers[i].Text != want.Text {
			t.Errorf("%s\nPuppet gives %q now, the golden is %q", want.Template, answers[i].Text, want.Text)
		}
	}
}
