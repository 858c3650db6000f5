package hiera

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"kickoff/internal/value"
)

// show writes a value as testdata/psych.rb does.
func show(v value.Value) string {
	switch v := v.(type) {
	case value.Undef:
		return "nil"
	case value.Int:
		return "i" + v.String()
	case value.Float:
		return "f" + v.String()
	case value.String:
		return "s" + string(value.AppendJSON(nil, v))
	case *value.Array:
		parts := make([]string, v.Len())
		for i, e := range v.Elems() {
			parts[i] = show(e)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case *value.Hash:
		var parts []string
		for k, e := range v.All() {
			parts = append(parts, show(k)+":"+show(e))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	return v.String()
}

func showYAML(text string) string {
	v, err := ParseYAML("x.yaml", []byte(text))
	if err != nil {
		return "error"
	}
	return show(v)
}

// TestPsychGolden compares with what Psych gave: testdata/yaml.jsonl has texts, yaml.expected the answers.
func TestPsychGolden(t *testing.T) {
	texts, want := readLines(t, "testdata/yaml.jsonl"), readLines(t, "testdata/yaml.expected")
	if len(texts) != len(want) {
		t.Fatalf("%d texts, %d answers", len(texts), len(want))
	}
	for i, line := range texts {
		var text string
		if err := json.Unmarshal([]byte(line), &text); err != nil {
			t.Fatal(err)
		}
		if got := showYAML(text); got != want[i] {
			t.Errorf("%s\n psych   %s\n kickoff %s", line, want[i], got)
		}
	}
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		out = append(out, s.Text())
	}
	return out
}

// TestPsychDifferential compares with the Ruby of this machine on made-up scalars.
func TestPsychDifferential(t *testing.T) {
	if os.Getenv("KICKOFF_CONFORMANCE") == "" {
		t.Skip("set KICKOFF_CONFORMANCE=1 to compare with Ruby")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	alphabets := []string{"0123456789", "01234567_,.:eE+-x", "0x1a_,-+", "-+.:019e", "yesnotruefalsonYNO", "~null.NaN-inf", ":a1-# '\"", "2021-03:4 TZ.+"}
	var texts []string
	for range 20000 {
		alphabet := alphabets[rng.IntN(len(alphabets))]
		var b strings.Builder
		for range 1 + rng.IntN(10) {
			b.WriteByte(alphabet[rng.IntN(len(alphabet))])
		}
		texts = append(texts, "a: "+b.String())
	}
	answers := psych(t, texts)
	bad := 0
	// libyaml, unlike YAML, lets a comment begin right behind a quote; Psych raises on ".e-0"
	known := regexp.MustCompile(`["']#|\.[eE]`)
	for i, text := range texts {
		if known.MatchString(text) {
			continue
		}
		if got := showYAML(text); got != answers[i] {
			if bad++; bad <= 60 {
				t.Errorf("%q\n psych   %s\n kickoff %s", text, answers[i], got)
			}
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d differ", bad, len(texts))
	}
}

func psych(t *testing.T, texts []string) []string {
	t.Helper()
	var in bytes.Buffer
	for _, s := range texts {
		line, _ := json.Marshal(s)
		in.Write(append(line, '\n'))
	}
	cmd := exec.CommandContext(t.Context(), "ruby", "testdata/psych.rb")
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}
