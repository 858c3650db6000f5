package diag_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"kickoff/internal/diag"
)

func TestRenderShowsLineMarkAndHint(t *testing.T) {
	d := diag.New("unknown-class", diag.Range{File: "site.pp", Start: diag.Pos{Line: 2, Column: 11}, End: diag.Pos{Line: 2, Column: 15}},
		"Unknown class 'ntpp'").WithHint("did you mean 'ntp'?")
	src := func(string) ([]byte, bool) { return []byte("node default {\n  include \tntpp\n}\n"), true }
	var b strings.Builder
	if err := diag.Render(&b, diag.List{d}, src); err != nil {
		t.Fatal(err)
	}
	want := "error: Unknown class 'ntpp' [unknown-class]\n  --> site.pp:2:11\n 2 |   include  ntpp\n   |           ^^^^\n  hint: did you mean 'ntp'?\n"
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

func TestRenderSurvivesOddRanges(t *testing.T) {
	src := func(string) ([]byte, bool) { return []byte("short\n"), true }
	for _, r := range []diag.Range{
		{}, {File: "a"}, {File: "a", Start: diag.Pos{Line: 99, Column: 1}}, {File: "a", Start: diag.Pos{Line: 1, Column: 500}},
		{File: "a", Start: diag.Pos{Line: 1, Column: 3}, End: diag.Pos{Line: 1, Column: 900}},
	} {
		var b strings.Builder
		if err := diag.Render(&b, diag.List{diag.New("x", r, "y")}, src); err != nil {
			t.Errorf("%v: %v", r, err)
		}
	}
}

func TestListIsAnErrorOnlyWithErrors(t *testing.T) {
	warning := &diag.Diagnostic{Severity: diag.Warning, Summary: "w"}
	if err := (diag.List{warning}).Err(); err != nil {
		t.Errorf("a list of warnings is no error, got %v", err)
	}
	cause := &diag.Diagnostic{Summary: "e", Cause: fs.ErrNotExist}
	if !errors.Is(cause, fs.ErrNotExist) {
		t.Error("the cause of a diagnostic is not found")
	}
	if err := (diag.List{warning, cause}).Err(); err == nil {
		t.Error("a list with an error is an error")
	}
}
