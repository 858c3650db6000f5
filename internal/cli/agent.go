package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kickoff/internal/agent"
	"kickoff/internal/agent/balancer"
	"kickoff/internal/config"
	"kickoff/internal/report"
)

// agentMemory is the amount of memory from which the daemon collects garbage more eagerly. It waits most of the time,
// on machines that were bought for something else.
const agentMemory = 32 << 20

// agentFlags are the flags of the agent that are no settings.
type agentFlags struct {
	config                   string
	test, detailed, exitZero bool
	verbose, debug, enable   bool
	disable, color           string
	disableGiven             bool
	overrides                map[string]string
}

// shownSettings are the settings that the help text lists as flags; the others work as well.
var shownSettings = map[string]string{
	"server": "name of the server", "certname": "name of this node", "environment": "environment to ask for",
	"noop": "only show what would be changed", "tags": "apply only resources with one of these tags",
	"skip_tags": "leave out resources with one of these tags", "onetime": "make one run and end",
	"waitforcert": "pause between requests for a certificate; 0 does not wait", "waitforlock": "pause while another run is in progress; 0 does not wait",
	"runinterval": "time between runs", "splay": "wait a random time before the first run", "show_diff": "show how contents differ",
	"use_cached_catalog": "apply the catalog of the last run", "usecacheonfailure": "apply it if the server has none",
	"kickoff_trust_first_use": "trust the CA of whoever answers, if none is pinned",
}

func newAgentCommand(sio *IO) *cobra.Command {
	f := &agentFlags{overrides: map[string]string{}}
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Bring this machine to what its catalog says, now and then",
		Long: `Fetches this node's catalog and applies it: once with --test or --onetime, else as a daemon in the foreground, every
runinterval and whenever the server asks for it. A node without a certificate is enrolled first, with the one-time
token in /etc/kickoff/token if there is one.

Settings come from puppet.conf; each of them is a flag too (--runinterval 10m, --noop, --no-splay).

Exit status with --test or --detailed-exitcodes: 0 nothing changed, 2 changes, 4 failures, 6 both, 1 no run.`,
		Example: "  kickoff agent --test\n  kickoff agent --test --noop --tags web\n  kickoff agent --disable 'migration until Monday'",
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("disable") { // the reason may stand behind it, as with Puppet
				return cobra.MaximumNArgs(1)(cmd, args)
			}
			return cobra.NoArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f.disableGiven = cmd.Flags().Changed("disable")
			if f.disableGiven && len(args) > 0 {
				f.disable = args[0]
			}
			return runAgent(cmd.Context(), sio, f)
		},
	}
	flags := cmd.Flags()
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(strings.ReplaceAll(name, "_", "-"))
	})
	flags.StringVar(&f.config, "config", "", "puppet.conf to read")
	flags.BoolVarP(&f.test, "test", "t", false, "one run with everything shown: --onetime --verbose --detailed-exitcodes --show-diff --no-splay --no-usecacheonfailure")
	flags.BoolVar(&f.detailed, "detailed-exitcodes", false, "tell by the exit status what was done")
	flags.BoolVar(&f.exitZero, "exit-zero-on-change", false, "exit status 0 instead of 2 (for bootstrap scripts)")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show more")
	flags.BoolVarP(&f.debug, "debug", "d", false, "show everything")
	flags.StringVar(&f.color, "color", "auto", "auto, true or false")
	flags.BoolVar(&f.enable, "enable", false, "allow runs again")
	flags.StringVar(&f.disable, "disable", "", "make no runs until --enable; the value is the reason")
	flags.Lookup("disable").NoOptDefVal = "reason not specified"
	addSettingFlags(flags, f.overrides)
	return cmd
}

// settingFlag writes a setting given as a flag into the overrides.
type settingFlag struct {
	overrides    map[string]string
	name, forced string
	kind         string
}

// Set implements pflag.Value.
func (s settingFlag) Set(v string) error {
	if s.forced != "" {
		if v != "true" {
			return errors.New("the flag takes no value")
		}
		v = s.forced
	}
	s.overrides[s.name] = v
	return nil
}

// String implements pflag.Value.
func (s settingFlag) String() string { return "" }

// Type implements pflag.Value.
func (s settingFlag) Type() string { return s.kind }

// addSettingFlags makes each setting a flag, and each truth value also a negative one.
func addSettingFlags(flags *pflag.FlagSet, overrides map[string]string) {
	for _, setting := range config.PuppetFlags() {
		usage, shown := shownSettings[setting.Name]
		kind := "string"
		if setting.Bool {
			kind = "bool"
			flags.Var(settingFlag{overrides, setting.Name, "false", kind}, "no-"+setting.Name, "")
			no := flags.Lookup("no-" + setting.Name)
			no.NoOptDefVal, no.Hidden = "true", true
		}
		flags.Var(settingFlag{overrides, setting.Name, "", kind}, setting.Name, usage)
		flag := flags.Lookup(setting.Name)
		flag.Hidden = !shown
		if setting.Bool {
			flag.NoOptDefVal = "true"
		}
	}
}

// load gives the function that reads the configuration with what the command line says.
func (f *agentFlags) load(section string) func() (*config.Puppet, error) {
	overrides := map[string]string{}
	if f.test {
		overrides = map[string]string{
			"onetime": "true", "usecacheonfailure": "false", "splay": "false", "show_diff": "true",
		}
	}
	maps.Copy(overrides, f.overrides)
	return func() (*config.Puppet, error) {
		return config.LoadPuppet(config.PuppetOptions{Path: f.config, Section: section, Overrides: overrides})
	}
}

func (f *agentFlags) level() string {
	switch {
	case f.debug:
		return "debug"
	case f.verbose || f.test:
		return "info"
	}
	return ""
}

func runAgent(ctx context.Context, sio *IO, f *agentFlags) error {
	load := f.load("agent")
	conf, err := load()
	if err != nil {
		return err
	}
	lock := conf.Get("agent_disabled_lockfile")
	switch {
	case f.enable:
		return agent.Enable(lock)
	case f.disableGiven:
		return agent.Disable(lock, f.disable)
	}
	level := f.level()
	if level == "" {
		level = conf.Get("log_level")
	}
	console, err := newConsole(sio, f.color)
	if err != nil {
		return err
	}
	deferred, err := newDeferredCalls()
	if err != nil {
		return err
	}
	a := agent.New(agent.Options{
		Load: load, Version: Version, Providers: providers(conf), Console: console.Log, Level: level, Deferred: deferred,
		Balancer: func(conf *config.Puppet) agent.Balancer {
			return balancer.New(balancer.Options{Dir: conf.Get("kickoff_haproxy_dir"), Socket: conf.Get("kickoff_haproxy_socket"), Master: conf.Get("kickoff_haproxy_master")})
		},
		Logger: slog.New(logBridge{console.Log, level}),
	})
	if conf.Bool("onetime") {
		return f.exit(a.Once(ctx, false))
	}
	debug.SetGCPercent(40)
	debug.SetMemoryLimit(agentMemory)
	return a.Run(ctx)
}

// exit turns the outcome of a run into an exit status.
func (f *agentFlags) exit(code int, err error) error {
	if err != nil {
		return &ExitError{Code: 1, Err: err}
	}
	if f.exitZero && code == 2 || !f.test && !f.detailed && code != 1 {
		code = 0
	}
	if code == 0 {
		return nil
	}
	return &ExitError{Code: code}
}

// logBridge shows the agent's technical log among the lines for people.
type logBridge struct {
	log   func(report.Log)
	level string
}

// Enabled implements slog.Handler.
func (b logBridge) Enabled(_ context.Context, l slog.Level) bool {
	return report.AtLeast(puppetLevel(l), b.level)
}

// Handle implements slog.Handler.
func (b logBridge) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&text, " %s=%v", a.Key, a.Value)
		return true
	})
	b.log(report.Log{Level: puppetLevel(r.Level), Message: text.String()})
	return nil
}

// WithAttrs implements slog.Handler.
func (b logBridge) WithAttrs([]slog.Attr) slog.Handler { return b }

// WithGroup implements slog.Handler.
func (b logBridge) WithGroup(string) slog.Handler { return b }

func puppetLevel(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warning"
	}
	return "err"
}
