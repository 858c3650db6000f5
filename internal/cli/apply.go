package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kickoff/internal/agent"
	"kickoff/internal/catalog"
	"kickoff/internal/config"
	"kickoff/internal/diag"
	"kickoff/internal/fact"
	"kickoff/internal/puppet/compiler"
	"kickoff/internal/puppet/module"
	"kickoff/internal/report"
	"kickoff/internal/value"
)

// applyFlags are the flags of apply beside those of agent.
type applyFlags struct {
	agentFlags
	execute, modulePath string
}

func newApplyCommand(sio *IO) *cobra.Command {
	f := &applyFlags{agentFlags: agentFlags{overrides: map[string]string{}}}
	cmd := &cobra.Command{
		Use:   "apply [MANIFEST]",
		Short: "Apply a manifest on this machine, without a server",
		Long: `Compiles a manifest (a file, a directory, standard input, or code given with -e) with the modules and the data of an
environment on this machine, and applies it.

Exit status with --detailed-exitcodes: 0 nothing changed, 2 changes, 4 failures, 6 both, 1 no run.`,
		Example: "  kickoff apply site.pp --noop\n  kickoff apply -e 'package { \"git\": ensure => installed }'\n  kickoff apply --modulepath ./modules -e 'include web'",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runApply(cmd.Context(), sio, f, args)
		},
	}
	flags := cmd.Flags()
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(strings.ReplaceAll(name, "_", "-"))
	})
	flags.StringVarP(&f.execute, "execute", "e", "", "Puppet code to apply")
	flags.StringVar(&f.modulePath, "modulepath", "", "directories of modules, joined by colons")
	flags.StringVar(&f.config, "config", "", "puppet.conf to read")
	flags.BoolVarP(&f.test, "test", "t", false, "show everything: --verbose --detailed-exitcodes --show-diff")
	flags.BoolVar(&f.detailed, "detailed-exitcodes", false, "tell by the exit status what was done")
	flags.BoolVar(&f.exitZero, "exit-zero-on-change", false, "exit status 0 instead of 2")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show more")
	flags.BoolVarP(&f.debug, "debug", "d", false, "show everything")
	flags.StringVar(&f.color, "color", "auto", "auto, true or false")
	addSettingFlags(flags, f.overrides)
	return cmd
}

func runApply(ctx context.Context, sio *IO, f *applyFlags, args []string) error {
	load := f.load("user")
	conf, err := load()
	if err != nil {
		return err
	}
	console, err := newConsole(sio, f.color)
	if err != nil {
		return err
	}
	level := f.level()
	if level == "" {
		level = conf.Get("log_level")
	}
	work, err := newWorkspace(sio, f, conf, args)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work.dir)
	log := slog.New(logBridge{console.Log, level})
	work.console, work.log = console.Log, log
	deferred, err := newDeferredCalls()
	if err != nil {
		return err
	}
	a := agent.New(agent.Options{
		Load: load, Version: Version, Providers: providers(conf), Console: console.Log, Level: level, Logger: log, Deferred: deferred,
	})
	local := &agent.Local{Compile: work.compile, Sources: work}
	return f.exit(a.Apply(ctx, local))
}

// workspace is an environment of its own for one manifest: the files of the environment that is named, with another
// manifest.
type workspace struct {
	dir     string
	env     string
	library *module.Library
	console func(report.Log)
	log     *slog.Logger
}

func newWorkspace(sio *IO, f *applyFlags, conf *config.Puppet, args []string) (_ *workspace, err error) {
	dir, err := os.MkdirTemp("", "kickoff-apply-")
	if err != nil {
		return nil, fmt.Errorf("make workspace: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	w := &workspace{dir: dir, env: conf.Get("environment")}
	here := filepath.Join(dir, w.env)
	if err := os.Mkdir(here, 0o700); err != nil {
		return nil, fmt.Errorf("make workspace: %w", err)
	}
	real := filepath.Join(strings.Split(conf.Get("environmentpath"), ":")[0], w.env)
	if err := linkEntries(real, here); err != nil {
		return nil, err
	}
	manifest, err := manifestPath(sio, dir, f.execute, args)
	if err != nil {
		return nil, err
	}
	modules := "modules:$basemodulepath"
	if f.modulePath != "" {
		if modules, err = absolutePaths(f.modulePath); err != nil {
			return nil, err
		}
	}
	text := fmt.Sprintf("manifest = %s\nmodulepath = %s\n", manifest, modules)
	if err := os.WriteFile(filepath.Join(here, "environment.conf"), []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("make workspace: %w", err)
	}
	w.library = module.NewLibrary(module.Options{
		EnvironmentPath: []string{dir}, BaseModulePath: strings.Split(conf.Get("basemodulepath"), ":"),
	})
	return w, nil
}

// linkEntries makes the files of an environment part of the workspace.
func linkEntries(from, to string) error {
	entries, err := os.ReadDir(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	for _, e := range entries {
		if e.Name() == "environment.conf" || e.Name() == "manifests" {
			continue
		}
		if err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return fmt.Errorf("make workspace: %w", err)
		}
	}
	return nil
}

func absolutePaths(list string) (string, error) {
	parts := strings.Split(list, ":")
	for i, p := range parts {
		abs, err := filepath.Abs(p)
		if err != nil {
			return "", fmt.Errorf("modulepath: %w", err)
		}
		parts[i] = abs
	}
	return strings.Join(parts, ":"), nil
}

// manifestPath gives the manifest as a path, writing it to a file if it is none.
func manifestPath(sio *IO, dir, code string, args []string) (string, error) {
	switch {
	case code != "" && len(args) > 0:
		return "", errors.New("either a manifest or --execute, not both")
	case code == "" && len(args) > 0:
		path, err := filepath.Abs(args[0])
		if err != nil {
			return "", err
		}
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("find manifest: %w", err)
		}
		return path, nil
	case code == "":
		text, err := io.ReadAll(sio.In)
		if err != nil {
			return "", fmt.Errorf("read manifest: %w", err)
		}
		code = string(text)
	}
	path := filepath.Join(dir, "code.pp")
	return path, os.WriteFile(path, []byte(code), 0o600)
}

// compile makes the catalog.
func (w *workspace) compile(ctx context.Context, facts *fact.Facts, environment string) (*catalog.Catalog, error) {
	started := time.Now()
	c, err := newCompiler(w.library, nil, w.log, time.Now)
	if err != nil {
		return nil, err
	}
	trusted := value.HashOf("authenticated", "local", "certname", facts.Name, "extensions", value.NewHash(0),
		"external", value.NewHash(0), "hostname", strings.SplitN(facts.Name, ".", 2)[0], "domain", domainOf(facts.Name))
	result, err := c.Compile(ctx, compiler.Request{
		Node: facts.Name, Environment: environment, Facts: facts.Values, Trusted: trusted, ServerFacts: value.NewHash(0),
	})
	if result != nil {
		for _, l := range result.Logs {
			w.console(report.Log{Level: l.Level, Message: l.Message, Source: l.Source})
		}
	}
	if err != nil {
		return nil, explain(err)
	}
	w.console(report.Log{Level: "notice", Message: fmt.Sprintf("Compiled catalog for %s in environment %s in %.2f seconds",
		facts.Name, environment, time.Since(started).Seconds())})
	return result.Catalog, nil
}

func domainOf(name string) value.Value {
	if _, domain, ok := strings.Cut(name, "."); ok {
		return value.String(domain)
	}
	return value.Undef{}
}

// explain shows the source lines of what is wrong.
func explain(err error) error {
	if list, ok := errors.AsType[diag.List](err); ok {
		return errors.New(strings.TrimRight(renderDiagnostics(list), "\n"))
	}
	if d, ok := errors.AsType[*diag.Diagnostic](err); ok {
		return errors.New(strings.TrimRight(renderDiagnostics(diag.List{d}), "\n"))
	}
	return err
}
