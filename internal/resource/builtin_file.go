package resource

import (
	"path"
	"regexp"
	"strings"

	"kickoff/internal/value"
)

// fileTypes are the types about files.
func fileTypes() []*Type {
	return []*Type{fileType(), vcsrepoType(), tidyType(), fileLineType(), filebucketType()}
}

func fileType() *Type {
	return typ(Type{
		Name: "file", NameVars: []string{"path"}, Check: checkFile,
		Autorequire: []Auto{
			{Type: "file", Nearest: true, Titles: func(p Params) []string { return parents(p.Text("path")) }},
			{Type: "file", Titles: linkTarget},
			{Type: "user", Titles: func(p Params) []string { return nameOf(p, "owner") }},
			{Type: "group", Titles: func(p Params) []string { return nameOf(p, "group") }},
		},
	}, []Attribute{
		param("path", filePath),
		words("ensure", "absent", "file", "present", "directory", "link").alias("false", "absent").matching(`.`),
		prop("content", fileContent),
		prop("checksum_value", nil),
		words("target", "notlink").matching(`.`),
		prop("owner", account("owner")), prop("group", account("group")),
		prop("mode", fileMode),
	}, props("type", "seluser", "selrole", "seltype", "selrange", "ctime", "mtime"), []Attribute{
		param("provider", nil),
		param("backup", fileBackup),
		param("recurse", fileRecurse),
		choice("recurselimit").matching(`^[0-9]+$`),
		choice("max_files").matching(`^[0-9]+$`, `^-1$`).or(value.Int(0)),
		flag("replace").or(value.Bool(true)),
		flag("force").or(value.Bool(false)),
		param("ignore", nil).list(),
		choice("links", "follow", "manage").or(value.String("manage")),
		flag("purge").or(value.Bool(false)),
		choice("sourceselect", "first", "all").or(value.String("first")),
		flag("show_diff").or(value.Bool(true)),
		param("staging_location", absolutePath("File paths must be fully qualified, not '%s'")),
		param("validate_cmd", nil),
		param("validate_replacement", nil).or(value.String("%")),
		choice("checksum", "sha256", "sha256lite", "md5", "md5lite", "sha1", "sha1lite", "sha512", "sha384", "sha224",
			"mtime", "ctime", "none"),
		param("source", fileSource).list(),
		choice("source_permissions", "use", "use_when_creating", "ignore").or(value.String("ignore")),
		choice("selinux_ignore_defaults", "true", "false"),
	})
}

// parents are the directories above a path, the nearest first.
func parents(p string) []string {
	var out []string
	for p != "/" && p != "." && p != "" {
		p = path.Dir(p)
		out = append(out, p)
	}
	return out
}

// linkTarget is the target of a link if it is absolute.
func linkTarget(p Params) []string {
	if t := p.Text("target"); p.Text("ensure") == "link" && strings.HasPrefix(t, "/") {
		return []string{t}
	}
	return nil
}

var digits = regexp.MustCompile(`^\d+$`)

// nameOf is the value of an attribute if it is the name of a user or group, not its number.
func nameOf(p Params, attr string) []string {
	s := p.Text(attr)
	if s == "" || digits.MatchString(s) {
		return nil
	}
	return []string{s}
}

func filePath(v value.Value) (value.Value, error) {
	s := v.String()
	if !strings.HasPrefix(s, "/") {
		return nil, bad("File paths must be fully qualified, not '%s'", s)
	}
	return value.String(path.Clean(s)), nil
}

func fileContent(v value.Value) (value.Value, error) {
	switch v := v.(type) {
	case value.String, *value.Binary:
		return v, nil
	case value.Bool:
		return value.String(v.String()), nil
	}
	return nil, bad("Munging failed for value %s in class content: no implicit conversion of %s into String",
		inspect(v), v.TypeName())
}

// account takes the name or number of a user or group.
func account(what string) func(value.Value) (value.Value, error) {
	return func(v value.Value) (value.Value, error) {
		if v.String() == "" {
			return nil, bad("Invalid %s name %s", what, inspect(v))
		}
		if n, ok := v.(value.Int); ok {
			return n, nil
		}
		return value.String(v.String()), nil
	}
}

var (
	octalMode    = regexp.MustCompile(`^0?[0-7]{1,4}$`)
	symbolicMode = regexp.MustCompile(`^(?:[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*$`)
)

func fileMode(v value.Value) (value.Value, error) {
	s, ok := v.(value.String)
	if !ok {
		return nil, bad("The file mode specification must be a string, not '%s'", v.TypeName())
	}
	if m := strings.TrimSpace(string(s)); octalMode.MatchString(m) || symbolicMode.MatchString(m) {
		return value.String(m), nil
	}
	return nil, bad("The file mode specification is invalid: %s", inspect(v))
}

func fileBackup(v value.Value) (value.Value, error) {
	switch v := v.(type) {
	case value.Bool:
		if v {
			return value.String(".puppet-bak"), nil
		}
		return v, nil
	case value.String:
		if v == "false" {
			return value.Bool(false), nil
		}
		return v, nil
	}
	return nil, bad("Invalid backup type %s", inspect(v))
}

func fileRecurse(v value.Value) (value.Value, error) {
	switch v.String() {
	case "true", "inf":
		return value.Bool(true), nil
	case "false":
		return value.Bool(false), nil
	case "remote":
		return value.String("remote"), nil
	}
	return nil, bad("Invalid recurse value %s", inspect(v))
}

var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):`)

func fileSource(v value.Value) (value.Value, error) {
	s := v.String()
	if strings.HasPrefix(s, "/") {
		return value.String(path.Clean(s)), nil
	}
	m := scheme.FindStringSubmatch(s)
	if m == nil {
		return nil, bad("Cannot use relative URLs '%s'", s)
	}
	switch m[1] {
	case "puppet", "file", "http", "https":
		return value.String(s), nil
	}
	return nil, bad("Cannot use URLs of type '%s' as source for fileserving", m[1])
}

func checkFile(_ string, p Params) error {
	creators := 0
	for _, name := range []string{"content", "source", "target"} {
		if _, ok := p[name]; ok {
			creators++
		}
	}
	if creators > 1 {
		return bad("You cannot specify more than one of content, source, target")
	}
	if _, ok := p["source"]; !ok && p.Text("recurse") == "remote" {
		return bad("You cannot specify a remote recursion without a source")
	}
	if _, ok := p["source"]; ok && p.Text("checksum") == "none" {
		return bad("You cannot specify source when using checksum 'none'")
	}
	if p.Text("ensure") == "link" && p.Text("recurse") != "" && p.Text("recurse") != "false" {
		if _, ok := p["target"]; !ok {
			return bad("You cannot recurse links without a target")
		}
	}
	return nil
}

func vcsrepoType() *Type {
	return typ(Type{
		Name: "vcsrepo", NameVars: []string{"path"}, EnsureDefault: "present", Check: checkVcsrepo,
		Autorequire: []Auto{
			{Type: "package", Titles: func(Params) []string { return []string{"git", "git-core", "mercurial", "subversion"} }},
			{Type: "file", Nearest: true, Titles: func(p Params) []string { return parents(p.Text("path")) }},
			{Type: "user", Titles: func(p Params) []string { return append(nameOf(p, "user"), nameOf(p, "owner")...) }},
		},
	}, []Attribute{
		param("path", absolutePath("path must be fully qualified, not '%s'")),
		ensure().vcsEnsure(),
		words("revision").matching(`^\S+$`),
		param("source", nil),
		param("user", text), param("owner", text), param("group", text),
		choice("force", "true", "false").or(value.Bool(false)),
		param("remote", text).or(value.String("origin")),
		param("depth", integer("depth must be a number, not '%s'")),
		param("branch", text),
		choice("submodules", "true", "false").or(value.Bool(true)),
		param("basic_auth_password", nil).secret(),
	}, params("provider", "fstype", "excludes", "compression", "basic_auth_username", "identity", "module",
		"configuration", "cvs_rsh", "p4config", "conflict", "trust_server_cert", "skip_hooks",
		"safe_directory", "umask", "keep_local_changes", "http_proxy", "mirror"))
}

func (a Attribute) vcsEnsure() Attribute {
	a.Values = []string{"present", "bare", "mirror", "absent", "latest"}
	return a
}

func checkVcsrepo(_ string, p Params) error {
	if p.Text("ensure") == "mirror" && p.Text("source") == "" {
		return bad("Cannot init repository with mirror option, try bare instead")
	}
	return nil
}

func tidyType() *Type {
	return typ(Type{Name: "tidy", NameVars: []string{"path"}}, []Attribute{
		param("path", filePath),
		choice("recurse", "true", "false", "inf").matching(`^[0-9]+$`),
		choice("max_files").matching(`^[0-9]+$`),
		param("matches", nil).list(),
		choice("type", "atime", "mtime", "ctime").or(value.String("atime")),
		flag("rmdirs"),
	}, params("backup", "age", "size"))
}

func fileLineType() *Type {
	return typ(Type{
		Name: "file_line", NameVars: []string{"name"}, EnsureDefault: "present",
		Autorequire: []Auto{{Type: "file", Titles: func(p Params) []string { return p.Texts("path") }}},
	}, []Attribute{ensure()}, props("line"), params("name", "provider", "match"), []Attribute{
		choice("match_for_absence", "true", "false"), choice("multiple", "true", "false"),
		param("after", nil), param("path", filePath),
		choice("replace", "true", "false"), choice("replace_all_matches_not_matching_line", "true", "false"),
		param("encoding", nil), choice("append_on_no_match", "true", "false"),
	})
}

func filebucketType() *Type {
	return typ(Type{Name: "filebucket", NameVars: []string{"name"}}, params("name", "server", "port", "path"))
}
