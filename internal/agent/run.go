package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"kickoff/internal/agent/apply"
	"kickoff/internal/agent/collect"
	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/config"
	"kickoff/internal/fact"
	"kickoff/internal/report"
	"kickoff/internal/resource"
	"kickoff/internal/value"
	"kickoff/internal/wire"
)

// exitNoRun is the status when there was no run: another one is in progress, or no catalog could be had.
const exitNoRun = 1

// run is one agent run: facts, catalog, walk, report.
type run struct {
	a    *Agent
	conf *config.Puppet
	name string
	noop bool
	// ordered: see how.
	ordered bool

	client *client // nil in a run without server
	local  *Local  // nil in a run with a server
	report *report.Report
	// environment is the one that the server is asked for; the server may name another.
	environment, initial string
	times                map[string]float64
}

// how says what is particular about a run.
type how struct {
	noop bool
	// ordered runs were asked for by the server, which waits for what the code of now does: no cached catalog will do.
	ordered bool
}

// perform makes a run, and gives its report and the exit status that detailed exit codes want. Whatever happens, the
// report is saved, and sent if the server can be reached.
func (a *Agent) perform(ctx context.Context, s *session, h how) (*report.Report, int) {
	ctx, cancel := context.WithTimeout(ctx, positive(s.conf.Duration("runtimeout"), 365*24*time.Hour))
	defer cancel()
	r := &run{a: a, conf: s.conf, name: s.certname, noop: h.noop || s.conf.Bool("noop"), ordered: h.ordered, client: s.client, local: s.local, times: map[string]float64{}}
	r.report = &report.Report{
		Host: s.certname, Time: a.now(), ReportFormat: report.Format, PuppetVersion: wire.PuppetVersion, Noop: r.noop,
		TransactionUUID: uuid.NewString(), CachedCatalogStatus: report.CatalogNotUsed,
		ResourceStatuses: map[string]*report.ResourceStatus{},
	}
	if s.client != nil {
		r.report.ServerUsed = s.client.address
	}
	r.initial = r.startEnvironment()
	r.environment = r.initial
	code := r.work(ctx)
	r.report.Environment = r.environment
	r.report.Logs = a.journal.take()
	r.times["total"] = a.now().Sub(r.report.Time).Seconds()
	r.report.Finish(r.times)
	if code == 0 {
		code = r.report.ExitCode()
	}
	r.keep()
	r.send(context.WithoutCancel(ctx))
	return r.report, code
}

func positive(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// startEnvironment is what is configured, or what the server said last.
func (r *run) startEnvironment() string {
	if r.conf.Explicit("environment") || r.local != nil {
		return r.conf.Get("environment")
	}
	text, err := readIfExists(r.conf.Get("lastrunfile"))
	if err == nil && text != nil {
		last, err := report.ParseSummary(text)
		if err == nil && last.Application.RunMode == "agent" && last.Application.ConvergedEnvironment != "" {
			return last.Application.ConvergedEnvironment
		}
	}
	return r.conf.Get("environment")
}

// work makes the run; the result is exitNoRun if there is nothing to report, and 0 else.
func (r *run) work(ctx context.Context) int {
	j := r.a.journal
	if reason, disabled := disabledReason(r.conf.Get("agent_disabled_lockfile")); disabled {
		j.say("notice", fmt.Sprintf("Skipping run of Puppet configuration client; administratively disabled (Reason: '%s');\nUse 'kickoff agent --enable' to re-enable.", reason))
		return exitNoRun
	}
	if err := r.command(ctx, "prerun_command"); err != nil {
		j.say("err", err.Error())
		return exitNoRun
	}
	j.say("info", "Using environment '"+r.environment+"'")
	cat, err := r.catalog(ctx)
	if err != nil {
		j.say("err", err.Error())
		return exitNoRun
	}
	code := r.apply(ctx, cat)
	if err := r.command(context.WithoutCancel(ctx), "postrun_command"); err != nil {
		j.say("err", err.Error())
		return exitNoRun
	}
	return code
}

// command runs what the settings prerun_command and postrun_command name.
func (r *run) command(ctx context.Context, setting string) error {
	text := r.conf.Get(setting)
	if text == "" {
		return nil
	}
	out, err := exec.CommandContext(ctx, "/bin/sh", "-c", text).CombinedOutput()
	if err != nil {
		return saying("Could not run command from %s: %v: %s", setting, err, out)
	}
	return nil
}

// facts collects the facts of the node, with those that an agent adds.
func (r *run) facts(ctx context.Context) *fact.Facts {
	started := r.a.now()
	values := r.a.facts(ctx, r.conf)
	values.SetString("clientcert", value.String(r.name))
	values.SetString("clientversion", value.String(wire.PuppetVersion))
	values.SetString("clientnoop", value.Bool(r.noop))
	r.times["fact_generation"] = r.a.now().Sub(started).Seconds()
	return &fact.Facts{Name: r.name, Values: values, Timestamp: started, Expiration: started.Add(30 * time.Minute)}
}

// facts collects the facts of this machine.
func (a *Agent) facts(ctx context.Context, conf *config.Puppet) *value.Hash {
	return collect.Collect(ctx, FactOptions(conf, a.opt.Version, a.log))
}

// apply walks the catalog.
func (r *run) apply(ctx context.Context, cat *catalog.Catalog) int {
	j := r.a.journal
	r.report.ConfigurationVersion = report.Version(cat.Version)
	r.report.CatalogUUID, r.report.CodeID = cat.UUID, cat.CodeID
	j.say("info", "Applying configuration version '"+cat.Version+"'")
	started := r.a.now()
	providers := r.a.opt.Providers(r.sources())
	result, err := apply.Run(ctx, cat, apply.Options{
		Types: resource.Builtin(), Providers: r.a.unit.guard(providers), Noop: r.noop,
		Tags: r.conf.List("tags"), SkipTags: r.conf.List("skip_tags"), ShowDiff: r.conf.Bool("show_diff"),
		Workers: r.conf.Int("kickoff_workers"), Ordering: r.conf.Get("ordering"), Deferred: r.a.opt.Deferred, Log: j.Log,
	})
	seconds := r.a.now().Sub(started).Seconds()
	r.times["catalog_application"] = seconds
	if result != nil {
		r.report.ResourceStatuses = result.Statuses
		r.report.TransactionCompleted = result.Completed
		r.times["transaction_evaluation"] = result.Evaluation.Seconds()
	}
	if err != nil {
		if cycle, ok := errors.AsType[*apply.CycleError](err); ok {
			j.say("err", cycle.Lines())
		}
		j.say("err", "Failed to apply catalog: "+err.Error())
		return exitNoRun
	}
	j.say("notice", fmt.Sprintf("Applied catalog in %.2f seconds", seconds))
	return 0
}

// sources gives the files that the catalog names.
func (r *run) sources() provider.Sources {
	if r.local != nil {
		return r.local.Sources
	}
	return &sources{r.client, func() string { return r.environment }}
}

// keep writes report and summary to the files that monitoring reads.
func (r *run) keep() {
	mode := "agent"
	if r.local != nil {
		mode = "user"
	}
	summary, err := r.report.Summary(mode, r.initial).YAML()
	if err == nil {
		err = writeFile(r.conf.Get("lastrunfile"), summary, 0o644)
	}
	if err != nil {
		r.a.journal.say("err", "Could not save last run local report: "+err.Error())
	}
	text, err := r.report.YAML()
	if err == nil {
		err = writeFile(r.conf.Get("lastrunreport"), text, 0o640)
	}
	if err != nil {
		r.a.journal.say("err", "Could not save last run report: "+err.Error())
	}
}

// catalogCache is where the last catalog is kept. It holds secrets.
func (r *run) catalogCache() string {
	return filepath.Join(r.conf.Get("client_datadir"), "catalog", r.name+".json")
}

// FactOptions are the options of fact collection that follow from the settings.
func FactOptions(conf *config.Puppet, version string, log *slog.Logger) collect.Options {
	opt := collect.Options{
		Versions:     map[string]string{"puppetversion": wire.PuppetVersion, "kickoffversion": version},
		ExternalDirs: append([]string{conf.Get("pluginfactdest")}, collect.DefaultExternalDirs...),
		MetadataURL:  conf.Get("kickoff_metadata"), Legacy: conf.Bool("include_legacy_facts"), Logger: log,
	}
	if st, err := os.Stat(conf.Get("vardir")); err == nil && st.IsDir() {
		opt.CacheDir = conf.Get("vardir")
	}
	return opt
}
