package syntax

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"kickoff/internal/diag"
)

// maxCheckedHeredocs bounds how deep code in heredocs in code in heredocs is checked.
const maxCheckedHeredocs = 3

// heredoc checks the text of a heredoc whose language is known, when nothing is interpolated into it.
func (v *validator) heredoc(n *Heredoc) {
	text, ok := n.Text.(*StringLiteral)
	if !ok || n.Syntax == "" || v.heredocs >= maxCheckedHeredocs {
		return
	}
	syntax := n.Syntax[strings.LastIndexByte(n.Syntax, '+')+1:]
	msg := ""
	switch syntax {
	case "json":
		msg = checkJSON(text.Value)
	case "base64":
		msg = checkBase64(text.Value)
	case "pp", "epp":
		msg = v.checkCode(text.Value, syntax == "epp")
	}
	if msg != "" {
		v.r.error(text.Src, "bad-heredoc-text", "the text of the heredoc is not valid %s: %s", syntax, msg)
	}
}

func checkJSON(text string) string {
	var value any
	if err := json.Unmarshal([]byte(withoutJSONComments(text)), &value); err != nil {
		return err.Error()
	}
	return ""
}

// withoutJSONComments blanks /* … */ and // … outside of strings, which Ruby's JSON parser goes over.
func withoutJSONComments(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		rest := s[i:]
		n, comment := 1, false
		switch {
		case rest[0] == '"':
			for n < len(rest) && rest[n] != '"' {
				if rest[n] == '\\' {
					n++
				}
				n++
			}
			n = min(n+1, len(rest))
		case strings.HasPrefix(rest, "/*"):
			if end := strings.Index(rest[2:], "*/"); end >= 0 {
				n, comment = end+4, true
			}
		case strings.HasPrefix(rest, "//"):
			n, comment = len(rest), true
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				n = end
			}
		}
		if !comment {
			b.WriteString(rest[:n])
		}
		i += n
	}
	return b.String()
}

func checkBase64(text string) string {
	if _, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")); err != nil {
		return err.Error()
	}
	return ""
}

// checkCode parses the text as a manifest or template, and gives the first error.
func (v *validator) checkCode(text string, epp bool) string {
	f := NewFile("", text)
	r := &reporter{file: f}
	lex := newLexer(f, Options{EPP: epp}, r)
	p := &parser{file: f, toks: lex.run(), diags: r, dead: lex.dead}
	prog := p.program(epp)
	if !r.failed() {
		inner := &validator{r: r, heredocs: v.heredocs + 1}
		inner.visit(prog, atTop)
	}
	r.sort()
	for _, d := range r.list {
		if d.Severity == diag.Error {
			return d.Summary
		}
	}
	return ""
}
