// Package exec runs commands.
package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// Provider runs commands.
type Provider struct{ m *system.Machine }

var (
	_ provider.Provider  = (*Provider)(nil)
	_ provider.Refresher = (*Provider)(nil)
	_ provider.Named     = (*Provider)(nil)
)

// New makes a provider.
func New(m *system.Machine) *Provider { return &Provider{m} }

// Name implements provider.Named.
func (p *Provider) Name() string { return "posix" }

// Check implements provider.Provider. The command is to run unless it waits for a refresh, or creates, unless or onlyif
// say that it is not needed.
func (p *Provider) Check(ctx context.Context, r *provider.Resource) ([]provider.Change, error) {
	switch name := r.Text("provider"); name {
	case "", "posix", "shell":
	default:
		return nil, fmt.Errorf("provider '%s' is not supported: this agent runs commands of POSIX systems", name)
	}
	if r.Text("refreshonly") == "true" {
		return nil, nil
	}
	needed, err := p.needed(ctx, r)
	if err != nil || !needed {
		return nil, err
	}
	return []provider.Change{{
		Property: "returns", Previous: value.String("notrun"), Desired: value.Strings(texts(r, "returns")...),
		Message: "executed successfully",
		Apply:   func(ctx context.Context) error { return p.attempt(ctx, r, r.Params["command"], "command") },
	}}, nil
}

// Refresh implements provider.Refresher: the command runs again, or else the one of the attribute refresh. As in
// Puppet, the latter's output is not logged, and its failure does not fail the resource; but it is told.
func (p *Provider) Refresh(ctx context.Context, r *provider.Resource) (bool, error) {
	needed, err := p.needed(ctx, r)
	if err != nil || !needed {
		return false, err
	}
	if !r.Has("refresh") {
		return true, p.attempt(ctx, r, r.Params["command"], "command")
	}
	cmd, err := p.command(ctx, r, r.Params["refresh"])
	if err != nil {
		return true, err
	}
	res, err := p.m.Run.Run(ctx, cmd)
	if errors.Is(err, system.ErrTimeout) {
		return true, errTimeout
	}
	if err == nil && !slices.Contains(texts(r, "returns"), strconv.Itoa(res.Code)) {
		f := failure{shown(r, r.Params["refresh"], "refresh"), res.Code, texts(r, "returns")}
		r.Report(provider.Line{Level: provider.Warning, Message: "the refresh command failed: " + f.Error()})
	}
	return true, err
}

func (p *Provider) needed(ctx context.Context, r *provider.Resource) (bool, error) {
	for _, path := range texts(r, "creates") {
		if _, err := os.Stat(p.m.Path(path)); err == nil {
			return false, nil
		}
	}
	for _, c := range guards(r, "unless") {
		ok, err := p.succeeds(ctx, r, c)
		if err != nil || ok {
			return false, err
		}
	}
	for _, c := range guards(r, "onlyif") {
		ok, err := p.succeeds(ctx, r, c)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func guards(r *provider.Resource, name string) []value.Value {
	v, ok := r.Params[name]
	if !ok || value.IsUndef(v) {
		return nil
	}
	return resource.Commands(name, v)
}

// succeeds runs a guard. One that cannot be run at all (no such program) counts as failed, as in Puppet.
func (p *Provider) succeeds(ctx context.Context, r *provider.Resource, c value.Value) (bool, error) {
	cmd, err := p.command(ctx, r, c)
	if err != nil {
		if _, ok := errors.AsType[*notFound](err); ok {
			r.Report(provider.Line{Level: provider.Debug, Message: err.Error()})
			return false, nil
		}
		return false, err
	}
	res, err := p.m.Run.Run(ctx, cmd)
	if errors.Is(err, system.ErrTimeout) {
		return false, fmt.Errorf("check %q exceeded timeout", shown(r, c, "unless"))
	}
	if err != nil {
		return false, err
	}
	for _, line := range system.Lines(string(res.Stdout)) {
		r.Report(provider.Line{Level: provider.Debug, Message: line})
	}
	return res.Code == 0, nil
}

// attempt runs a command as often as tries allows.
func (p *Provider) attempt(ctx context.Context, r *provider.Resource, c value.Value, name string) error {
	cmd, err := p.command(ctx, r, c)
	if err != nil {
		return err
	}
	tries, pause := 1, 0.0
	if n, err := strconv.Atoi(r.Text("tries")); err == nil {
		tries = n
	}
	if f, err := strconv.ParseFloat(r.Text("try_sleep"), 64); err == nil {
		pause = f
	}
	expected := texts(r, "returns")
	for try := 1; ; try++ {
		res, err := p.m.Run.Run(ctx, cmd)
		good := err == nil && slices.Contains(expected, strconv.Itoa(res.Code))
		if good || try >= tries {
			return p.finish(r, c, name, res, err, good, expected)
		}
		r.Report(provider.Line{Level: provider.Debug, Message: fmt.Sprintf("try %d of %d failed", try, tries)})
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Duration(pause * float64(time.Second))):
		}
	}
}

func (p *Provider) finish(r *provider.Resource, c value.Value, name string, res system.Result, err error, good bool, expected []string) error {
	show := r.Text("logoutput")
	if show == "true" || show == "on_failure" && !good {
		p.output(r, name, string(res.Stdout))
	}
	switch {
	case errors.Is(err, system.ErrTimeout):
		return errTimeout
	case err != nil:
		return err
	case !good:
		return &failure{shown(r, c, name), res.Code, expected}
	}
	return nil
}

func (p *Provider) output(r *provider.Resource, name, text string) {
	level := provider.Level(r.Text("loglevel"))
	if level == "" {
		level = provider.Notice
	}
	if r.Sensitive[name] {
		r.Report(provider.Line{Level: level, Property: "returns", Message: "[output redacted]"})
		return
	}
	for _, line := range system.Lines(text) {
		r.Report(provider.Line{Level: level, Property: "returns", Message: line})
	}
}

// shown is a command as messages show it.
func shown(r *provider.Resource, c value.Value, name string) string {
	if r.Sensitive[name] {
		return "[command redacted]"
	}
	arr, ok := c.(*value.Array)
	if !ok {
		return "'" + c.String() + "'"
	}
	words := make([]string, arr.Len())
	for i, e := range arr.Elems() {
		words[i] = strconv.Quote(e.String())
	}
	return "'[" + strings.Join(words, ", ") + "]'"
}

// failure says that a command ended with another status than expected.
type failure struct {
	command  string
	code     int
	expected []string
}

// Error is Puppet's text.
func (e *failure) Error() string {
	return fmt.Sprintf("%s returned %d instead of one of [%s]", e.command, e.code, strings.Join(e.expected, ", "))
}

// timeoutError says that a command took too long.
type timeoutError struct{}

// Error is Puppet's text.
func (timeoutError) Error() string { return "Command exceeded timeout" }

var errTimeout = timeoutError{}

// notFound says that a program does not exist.
type notFound struct{ reason string }

// Error is Puppet's text.
func (e *notFound) Error() string { return e.reason }

// userVariables are not passed on, as in Puppet: a command must not depend on who started the agent.
var userVariables = []string{"HOME", "USER", "LOGNAME", "MAIL", "SHELL"}

// shellCharacters are what makes a command line one for the shell.
const shellCharacters = "*?{}[]<>()~&|\\$;'`\"\n#=%!"

// command builds what is run: a line through the shell if it needs one, or words as they are.
func (p *Provider) command(ctx context.Context, r *provider.Resource, c value.Value) (system.Command, error) {
	path := searchPath(r)
	cmd := system.Command{Dir: r.Text("cwd"), Umask: r.Text("umask"), Combined: true, Native: true, Unset: userVariables}
	if len(path) > 0 {
		cmd.Env = append(cmd.Env, "PATH="+strings.Join(path, ":"))
	}
	cmd.Env = append(cmd.Env, texts(r, "environment")...)
	if f, err := strconv.ParseFloat(r.Text("timeout"), 64); err == nil {
		cmd.Timeout = time.Duration(f * float64(time.Second))
	}
	if cmd.Dir != "" {
		if st, err := os.Stat(p.m.Path(cmd.Dir)); err != nil || !st.IsDir() {
			return cmd, &notFound{"Working directory " + cmd.Dir + " does not exist!"}
		}
	}
	if user, group := r.Text("user"), r.Text("group"); user != "" || group != "" {
		id, _, err := p.m.Accounts.Identity(ctx, user, group)
		if err != nil {
			return cmd, err
		}
		cmd.As = id
	}
	return cmd, p.args(&cmd, r, c, path)
}

func (p *Provider) args(cmd *system.Command, r *provider.Resource, c value.Value, path []string) error {
	line, first := resource.CommandText(c)
	if arr, ok := c.(*value.Array); ok {
		for _, e := range arr.Elems() {
			cmd.Args = append(cmd.Args, e.String())
		}
	} else if r.Text("provider") == "shell" {
		cmd.Args = []string{"/bin/sh", "-c", line}
		return nil
	}
	program, err := system.LookPath(p.m.Root, first, path)
	if err != nil {
		return &notFound{"C" + strings.TrimPrefix(err.Error(), "c")}
	}
	switch {
	case len(cmd.Args) > 0:
		cmd.Args[0] = program
	case strings.ContainsAny(line, shellCharacters):
		cmd.Args = []string{"/bin/sh", "-c", line}
	default:
		cmd.Args = strings.Fields(line)
		cmd.Args[0] = program
	}
	return nil
}

// searchPath gives the directories of the attribute path, which may be a list and hold colons.
func searchPath(r *provider.Resource) []string {
	var out []string
	for _, p := range texts(r, "path") {
		out = append(out, strings.FieldsFunc(p, func(c rune) bool { return c == ':' })...)
	}
	return out
}

func texts(r *provider.Resource, name string) []string { return resource.Params(r.Params).Texts(name) }
