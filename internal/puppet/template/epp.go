// Package template renders EPP templates: those in the directories templates of modules, and those that are given as text.
//
// A template from a file sees its parameters and the variables of the top scope, others only by their full name. An inline
// template also sees the variables around the call. A template that renders a Sensitive gives a Sensitive.
package template

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/module"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

// inlineName is what a template given as text is called in messages, as in Puppet.
const inlineName = "inlined-epp-text"

// maxInline is how many inline templates one compilation keeps parsed.
const maxInline = 1000

// File renders a template by the name `module/path`, or by an absolute path. params are its arguments by name; nil is none.
func File(ctx context.Context, c *eval.Call, name string, params *value.Hash) (value.Value, error) {
	path := Find(c.Environment(), name)
	if path == "" {
		d := diag.New("template-not-found", c.At, "Could not find template '%s'", name)
		d.Hint = missing(c.Environment(), name)
		return nil, d
	}
	prog, err := parseFile(c.Environment(), path)
	if err != nil {
		return nil, invalid(c, err)
	}
	return c.Eval.Render(ctx, c.Scope, path, prog, params, false)
}

// Inline renders a template given as text.
func Inline(ctx context.Context, c *eval.Call, text string, params *value.Hash) (value.Value, error) {
	prog, err := parseInline(c.Eval, text)
	if err != nil {
		return nil, invalid(c, err)
	}
	return c.Eval.Render(ctx, c.Scope, inlineName, prog, params, true)
}

// Find gives the path of the file of a template, or "". env may be nil.
func Find(env *module.Environment, name string) string {
	if !filepath.IsAbs(name) {
		if env == nil {
			return ""
		}
		return env.FindFile("templates", name)
	}
	path := filepath.Clean(name)
	if env != nil && env.Exists(path) {
		return path
	}
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		return path
	}
	return ""
}

// missing says why a name did not lead to a template.
func missing(env *module.Environment, name string) string {
	mod, rest, ok := strings.Cut(name, "/")
	switch {
	case filepath.IsAbs(name):
		return ""
	case !ok:
		return "a template is named module/file.epp"
	case env == nil:
		return "there is no environment whose modules could have it"
	case env.Module(mod) == nil:
		return fmt.Sprintf("the environment %s has no module '%s'", env.Name, mod)
	case env.FindFile("templates", name+".epp") != "":
		return fmt.Sprintf("did you mean '%s.epp'?", name)
	}
	return fmt.Sprintf("it would be %s", filepath.Join(env.Module(mod).Dir, "templates", rest))
}

// parseFile gives the tree of a template, from the environment's cache if the file belongs to it.
func parseFile(env *module.Environment, path string) (*syntax.Program, error) {
	read := os.ReadFile
	if env != nil && env.Exists(path) {
		if strings.HasSuffix(path, ".epp") {
			return env.Parse(path)
		}
		read = env.ReadFile
	}
	text, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	prog, diags := syntax.Parse(path, text, syntax.Options{EPP: true})
	return prog, diags.Err()
}

// inlineKey is the key of the inline templates in the memory of a compilation.
type inlineKey struct{}

// parseInline gives the tree of a text; a compilation parses the same text once.
func parseInline(e *eval.Evaluator, text string) (*syntax.Program, error) {
	cache := e.Memo(inlineKey{}, func() any { return map[string]*syntax.Program{} }).(map[string]*syntax.Program)
	if prog := cache[text]; prog != nil {
		return prog, nil
	}
	prog, diags := syntax.Parse(inlineName, []byte(text), syntax.Options{EPP: true})
	if err := diags.Err(); err != nil {
		return nil, err
	}
	if len(cache) < maxInline {
		cache[text] = prog
	}
	return prog, nil
}

// invalid reports the first error of a template at its place in the template, with the call on its stack.
func invalid(c *eval.Call, err error) error {
	list, ok := errors.AsType[diag.List](err)
	i := slices.IndexFunc(list, func(d *diag.Diagnostic) bool { return d.Severity == diag.Error })
	if !ok || i < 0 {
		return err
	}
	d := *list[i]
	d.Summary = fmt.Sprintf("%s(): invalid EPP: %s", c.Name, d.Summary)
	d.Stack = append([]diag.Frame{{Name: c.Name, Range: c.At}}, c.Eval.Stack()...)
	d.Cause = err
	return &d
}
