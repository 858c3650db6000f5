package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The kinds of settings, for validation.
type settingKind int

const (
	textSetting settingKind = iota
	boolSetting
	intSetting
	durationSetting
	pathSetting
	nameSetting
	portSetting
)

// puppetSetting is a setting that has an effect in kickoff.
type puppetSetting struct {
	name, def string
	kind      settingKind
	// oneOf limits a text to these.
	oneOf []string
}

// puppetSettings are the settings that kickoff uses, with Puppet's defaults. Those that start with kickoff_ are our own;
// Puppet ignores them.
var puppetSettings = []puppetSetting{
	{name: "confdir", kind: pathSetting},
	{name: "codedir", kind: pathSetting},
	{name: "vardir", kind: pathSetting},
	{name: "ssldir", kind: pathSetting},
	{name: "logdir", kind: pathSetting},
	{name: "rundir", kind: pathSetting},
	{name: "publicdir", kind: pathSetting},
	{name: "statedir", def: "$vardir/state", kind: pathSetting},
	{name: "client_datadir", def: "$vardir/client_data", kind: pathSetting},
	{name: "certdir", def: "$ssldir/certs", kind: pathSetting},
	{name: "privatekeydir", def: "$ssldir/private_keys", kind: pathSetting},
	{name: "publickeydir", def: "$ssldir/public_keys", kind: pathSetting},
	{name: "requestdir", def: "$ssldir/certificate_requests", kind: pathSetting},
	{name: "localcacert", def: "$certdir/ca.pem", kind: pathSetting},
	{name: "hostcrl", def: "$ssldir/crl.pem", kind: pathSetting},
	{name: "clientbucketdir", def: "$vardir/clientbucket", kind: pathSetting},
	{name: "lastrunfile", def: "$publicdir/last_run_summary.yaml", kind: pathSetting},
	{name: "lastrunreport", def: "$statedir/last_run_report.yaml", kind: pathSetting},
	{name: "agent_catalog_run_lockfile", def: "$statedir/agent_catalog_run.lock", kind: pathSetting},
	{name: "agent_disabled_lockfile", def: "$statedir/agent_disabled.lock", kind: pathSetting},
	{name: "pluginfactdest", def: "$vardir/facts.d", kind: pathSetting},
	{name: "environmentpath", def: "$codedir/environments"},
	{name: "basemodulepath", def: "$codedir/modules"},
	{name: "hiera_config", def: "$confdir/hiera.yaml", kind: pathSetting},

	{name: "server", def: "puppet", kind: nameSetting},
	{name: "server_list"},
	{name: "ca_server", def: "$server", kind: nameSetting},
	{name: "report_server", def: "$server", kind: nameSetting},
	{name: "serverport", def: "8140", kind: portSetting},
	{name: "masterport", def: "$serverport", kind: portSetting},
	{name: "ca_port", def: "$serverport", kind: portSetting},
	{name: "report_port", def: "$serverport", kind: portSetting},
	{name: "certname", kind: nameSetting},
	{name: "environment", def: "production"},
	{name: "key_type", def: "ec", oneOf: []string{"ec", "rsa"}},
	{name: "keylength", def: "4096", kind: intSetting},
	{name: "named_curve", def: "prime256v1", oneOf: []string{"prime256v1", "secp384r1", "secp521r1"}},
	{name: "certificate_revocation", def: "chain", oneOf: []string{"chain", "leaf", "true", "false"}},
	{name: "crl_refresh_interval", def: "1d", kind: durationSetting},
	{name: "ca_refresh_interval", def: "1d", kind: durationSetting},
	{name: "waitforcert", def: "2m", kind: durationSetting},
	{name: "maxwaitforcert", def: "unlimited", kind: durationSetting},
	{name: "waitforlock", def: "0", kind: durationSetting},
	{name: "maxwaitforlock", def: "1m", kind: durationSetting},
	{name: "runinterval", def: "30m", kind: durationSetting},
	{name: "runtimeout", def: "1h", kind: durationSetting},
	{name: "splay", def: "false", kind: boolSetting},
	{name: "splaylimit", def: "$runinterval", kind: durationSetting},
	{name: "http_connect_timeout", def: "2m", kind: durationSetting},
	{name: "http_read_timeout", def: "10m", kind: durationSetting},
	{name: "noop", def: "false", kind: boolSetting},
	{name: "tags"},
	{name: "skip_tags"},
	{name: "use_cached_catalog", def: "false", kind: boolSetting},
	{name: "usecacheonfailure", def: "true", kind: boolSetting},
	{name: "report", def: "true", kind: boolSetting},
	{name: "pluginsync", def: "true", kind: boolSetting},
	{name: "show_diff", def: "false", kind: boolSetting},
	{name: "daemonize", def: "true", kind: boolSetting},
	{name: "onetime", def: "false", kind: boolSetting},
	{name: "include_legacy_facts", def: "false", kind: boolSetting},
	{name: "strict_environment_mode", def: "false", kind: boolSetting},
	{name: "prerun_command"},
	{name: "postrun_command"},
	{name: "ordering", def: "manifest", oneOf: []string{"manifest", "graph"}},
	{name: "log_level", def: "notice", oneOf: []string{"debug", "info", "notice", "warning", "err", "alert", "emerg", "crit"}},
	{name: "default_manifest", def: "./manifests"},

	{name: "kickoff_identity", def: "fqdn", oneOf: []string{"fqdn", "imds"}},
	{name: "kickoff_metadata", def: "http://169.254.169.254"},
	{name: "kickoff_ca", def: "/etc/kickoff/ca.pem", kind: pathSetting},
	{name: "kickoff_token", def: "/etc/kickoff/token", kind: pathSetting},
	{name: "kickoff_trust_first_use", def: "false", kind: boolSetting},
	{name: "kickoff_workers", def: "8", kind: intSetting},
	{name: "kickoff_channel", def: "true", kind: boolSetting},
	{name: "kickoff_haproxy_dir", def: "/etc/haproxy/kickoff", kind: pathSetting},
	{name: "kickoff_haproxy_master", def: "/run/haproxy-master.sock", kind: pathSetting},
	{name: "kickoff_haproxy_socket", def: "/run/haproxy/admin.sock", kind: pathSetting},
}

func isPuppetSetting(name string) bool {
	return slices.ContainsFunc(puppetSettings, func(s puppetSetting) bool { return s.name == name })
}

// PuppetFlag is a setting as a flag of the command line.
type PuppetFlag struct {
	Name string
	// Bool flags need no value, and have a negative form.
	Bool bool
}

// PuppetFlags are all settings, each of which may be given on the command line.
func PuppetFlags() []PuppetFlag {
	flags := make([]PuppetFlag, len(puppetSettings))
	for i, s := range puppetSettings {
		flags[i] = PuppetFlag{s.name, s.kind == boolSetting}
	}
	return flags
}

// check validates an interpolated value.
func (s puppetSetting) check(v string) error {
	if len(s.oneOf) > 0 && !slices.Contains(s.oneOf, v) {
		return fmt.Errorf("one of %s is wanted", strings.Join(s.oneOf, ", "))
	}
	p := &Puppet{values: map[string]string{"v": v}}
	switch s.kind {
	case boolSetting:
		if v != "true" && v != "false" {
			return errors.New("true or false is wanted")
		}
	case intSetting:
		if p.Int("v") <= 0 {
			return errors.New("a number above 0 is wanted")
		}
	case portSetting:
		if n := p.Int("v"); n <= 0 || n > 65535 {
			return errors.New("a port from 1 to 65535 is wanted")
		}
	case durationSetting:
		_, err := ParsePuppetDuration(v)
		return err
	case pathSetting:
		if !strings.HasPrefix(v, "/") {
			return errors.New("an absolute path is wanted")
		}
	case nameSetting:
		if strings.ContainsAny(v, " \t/?#") || v != strings.ToLower(v) && s.name == "certname" {
			return errors.New("a lower-case host name is wanted")
		}
	}
	return nil
}

// suggestSetting names a setting that is spelled like name.
func suggestSetting(name string) string {
	for _, s := range puppetSettings {
		if editDistance(name, s.name) <= 2 && !strings.HasPrefix(s.name, name) {
			return fmt.Sprintf(" (did you mean %q?)", s.name)
		}
	}
	return ""
}
