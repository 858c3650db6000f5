package erb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

// Writers are what the functions of Puppet and the templates share: Ruby's sprintf and YAML.
type Writers struct {
	Format func(format string, args []value.Value) (string, error)
	YAML   func(v value.Value) string
}

// maxKept is how many templates one compilation keeps parsed.
const maxKept = 1000

// File renders the template `module/path`, or that of an absolute path, in the scope of the call.
func File(ctx context.Context, c *eval.Call, w Writers, name string) (string, error) {
	path := find(c, name)
	if path == "" {
		return "", diag.New("template-not-found", c.At, "Could not find template '%s'", name)
	}
	src, err := read(c, path)
	if err != nil {
		return "", fmt.Errorf("read template: %w", err)
	}
	return render(ctx, c, w, path, string(src))
}

// Inline renders a text in the scope of the call.
func Inline(ctx context.Context, c *eval.Call, w Writers, src string) (string, error) {
	return render(ctx, c, w, "", src)
}

// find gives the path of a template, or "".
func find(c *eval.Call, name string) string {
	if filepath.IsAbs(name) {
		path := filepath.Clean(name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
		return ""
	}
	if c.Environment() == nil {
		return ""
	}
	return c.Environment().FindFile("templates", name)
}

func read(c *eval.Call, path string) ([]byte, error) {
	if env := c.Environment(); env != nil && env.Exists(path) {
		return env.ReadFile(path)
	}
	return os.ReadFile(path)
}

// keptKey is the key of the parsed templates in the memory of a compilation.
type keptKey struct{}

func render(ctx context.Context, c *eval.Call, w Writers, path, src string) (string, error) {
	kept := c.Eval.Memo(keptKey{}, func() any { return map[string]*Template{} }).(map[string]*Template)
	t := kept[src]
	if t == nil {
		var err error
		if t, err = Parse(src); err != nil {
			return "", located(c, path, src, err)
		}
		if len(kept) < maxKept {
			kept[src] = t
		}
	}
	out, err := t.Render(ctx, &host{c: c, w: w, path: path})
	if err != nil {
		return "", located(c, path, src, err)
	}
	return out, nil
}

// located reports an error at its line of the template, with the call on its stack.
func located(c *eval.Call, path, src string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	if e.cause != nil && (errors.Is(e.cause, context.Canceled) || errors.Is(e.cause, context.DeadlineExceeded)) {
		return err
	}
	name, what := path, "template "+path
	if path == "" {
		name, what = "inline template", "inline template"
	}
	start := 0
	for range e.Line - 1 {
		n := strings.IndexByte(src[start:], '\n')
		if n < 0 {
			break
		}
		start += n + 1
	}
	pos := diag.Pos{Line: e.Line, Column: 1, Offset: start}
	d := diag.New("template-failed", diag.Range{File: name, Start: pos, End: pos}, "Failed to parse %s: %s", what, e.Message)
	d.Stack = append([]diag.Frame{{Name: c.Name, Range: c.At}}, c.Eval.Stack()...)
	d.Cause = err
	return d
}

// host shows a template the scope of a call.
type host struct {
	c    *eval.Call
	w    Writers
	path string
}

var _ Host = (*host)(nil)

// Variable implements Host.
func (h *host) Variable(name string) (value.Value, bool) { return h.c.Scope.Local(name) }

// Lookup implements Host.
func (h *host) Lookup(ctx context.Context, name string) (value.Value, error) {
	return h.c.Eval.Evaluate(ctx, h.c.Scope, &syntax.Variable{Name: name})
}

// Call implements Host.
func (h *host) Call(ctx context.Context, name string, args []value.Value) (value.Value, error) {
	return h.c.Func(ctx, name, args, nil)
}

// Has implements Host.
func (h *host) Has(ctx context.Context, name string) bool { return h.c.Eval.HasFunction(ctx, name) }

// Format implements Host.
func (h *host) Format(format string, args []value.Value) (string, error) {
	return h.w.Format(format, args)
}

// YAML implements Host.
func (h *host) YAML(v value.Value) string { return h.w.YAML(v) }

// File implements Host.
func (h *host) File() string { return h.path }
