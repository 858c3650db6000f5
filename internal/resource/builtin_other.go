package resource

import (
	"regexp"
	"strings"
)

// otherTypes are types that have no provider here: the compiler accepts them with the right attributes, and an agent
// refuses to apply them, except those that only structure a catalog (stage, anchor, schedule, filebucket).
func otherTypes() []*Type {
	name := []string{"name"}
	userTitle := []Auto{{Type: "user", Titles: func(p Params) []string { return nameOf(p, "user") }}}
	return []*Type{
		typ(Type{Name: "stage", NameVars: name}, params("name")),
		typ(Type{Name: "anchor", NameVars: name}, params("name")),
		typ(Type{Name: "schedule", NameVars: name}, params("name", "range", "repeat", "weekday"), []Attribute{
			choice("periodmatch", "number", "distance"),
			choice("period", "hourly", "daily", "weekly", "monthly", "never"),
		}),
		typ(Type{Name: "resources", NameVars: name}, params("name", "unless_uid"), []Attribute{
			flag("purge"), choice("unless_system_user", "true", "false").matching(`^\d+$`),
		}),
		typ(Type{Name: "cron", NameVars: name, EnsureDefault: "present", Autorequire: userTitle}, []Attribute{ensure()},
			props("command", "special", "minute", "hour", "weekday", "month", "monthday", "environment", "user", "target"),
			params("name", "provider")),
		typ(Type{Name: "host", NameVars: name, EnsureDefault: "present"}, []Attribute{ensure()},
			props("ip", "host_aliases", "comment", "target"), params("name", "provider")),
		mountType(), sshkeyType(), augeasType(), yumrepoType(),
		typ(Type{Name: "mailalias", NameVars: name, EnsureDefault: "present"}, []Attribute{ensure()},
			props("recipient", "file", "target"), params("name", "provider")),
		typ(Type{Name: "selboolean", NameVars: name}, []Attribute{
			words("value", "on", "off", "true", "false"), choice("persistent", "true", "false")}, params("name", "provider")),
		typ(Type{Name: "selmodule", NameVars: name, EnsureDefault: "present"}, []Attribute{
			ensure(), words("syncversion", "true", "false")}, params("name", "provider", "selmoduledir", "selmodulepath")),
		typ(Type{Name: "zfs", NameVars: name, EnsureDefault: "present"}, []Attribute{ensure()}, params("name", "provider")),
		typ(Type{Name: "zpool", NameVars: []string{"pool"}, EnsureDefault: "present"}, []Attribute{ensure()},
			props("disk", "mirror", "raidz", "spare", "log", "cache", "ashift", "autoexpand", "failmode"),
			params("pool", "raid_parity", "provider")),
	}
}

func mountType() *Type {
	return typ(Type{
		Name: "mount", NameVars: []string{"name"},
		Autorequire: []Auto{{Type: "mount", Titles: func(p Params) []string { return parents(p.Text("name")) }}},
	}, []Attribute{
		words("ensure", "defined", "unmounted", "absent", "mounted").alias("present", "defined"),
		words("dump").matching(`(0|1)`), choice("remounts", "true", "false"),
	}, props("device", "blockdevice", "fstype", "options", "pass", "atboot", "target"), params("name", "provider"))
}

func sshkeyType() *Type {
	return typ(Type{
		Name: "sshkey", NameVars: []string{"name", "type"}, EnsureDefault: "present",
		TitlePatterns: []TitlePattern{
			{regexp.MustCompile(`^(.*)@(` + alternatives(keyTypes[:8]) + `)$`), []string{"name", "type"}},
			{regexp.MustCompile(`^(.*)$`), []string{"name"}},
		},
	}, []Attribute{
		ensure(),
		choice("type", keyTypes[:8]...).alias("dsa", "ssh-dss", "ed25519", "ssh-ed25519", "rsa", "ssh-rsa",
			"ecdsa-sk", "sk-ecdsa-sha2-nistp256@openssh.com", "ed25519-sk", "sk-ssh-ed25519@openssh.com"),
	}, props("key", "host_aliases", "target"), params("name", "provider"))
}

func alternatives(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = regexp.QuoteMeta(w)
	}
	return strings.Join(quoted, "|")
}

func augeasType() *Type {
	return typ(Type{Name: "augeas", NameVars: []string{"name"}}, props("returns"), []Attribute{
		choice("type_check", "true", "false"), flag("show_diff"),
	}, params("name", "context", "onlyif", "changes", "root", "load_path", "force", "lens", "incl", "provider"))
}

func yumrepoType() *Type {
	return typ(Type{Name: "yumrepo", NameVars: []string{"name"}, EnsureDefault: "present"}, []Attribute{ensure()},
		props("descr", "mirrorlist", "baseurl", "enabled", "gpgcheck", "payload_gpgcheck", "repo_gpgcheck", "gpgkey",
			"mirrorlist_expire", "include", "exclude", "gpgcakey", "includepkgs", "enablegroups", "failovermethod",
			"keepalive", "retries", "http_caching", "timeout", "metadata_expire", "protect", "priority", "minrate",
			"throttle", "bandwidth", "cost", "proxy", "proxy_username", "s3_enabled", "sslcacert", "sslverify",
			"sslclientcert", "sslclientkey", "metalink", "skip_if_unavailable", "assumeyes", "deltarpm_percentage",
			"deltarpm_metadata_percentage", "username", "module_hotfixes", "repositoryid"),
		[]Attribute{prop("proxy_password", nil).secret(), prop("password", nil).secret()},
		params("name", "target", "provider"))
}
