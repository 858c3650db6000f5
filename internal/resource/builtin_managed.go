package resource

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kickoff/internal/value"
)

// managedTypes are package, service, exec and notify.
func managedTypes() []*Type { return []*Type{packageType(), serviceType(), execType(), notifyType()} }

func packageType() *Type {
	return typ(Type{
		Name: "package", NameVars: []string{"name", "provider", "command"}, Check: checkPackage,
		Autorequire: []Auto{{Type: "file", Titles: func(p Params) []string {
			return slices.Concat(p.Texts("responsefile"), p.Texts("adminfile"), p.Texts("source"))
		}}},
	}, []Attribute{
		param("name", packageName),
		words("ensure", "present", "absent", "purged", "disabled", "latest").alias("installed", "present").
			matching(`.`).or(value.String("present")),
		prop("package_settings", nil), prop("flavor", nil), words("mark", "hold", "none"),
		choice("configfiles", "keep", "replace").or(value.String("keep")),
		choice("allowcdrom", "true", "false"),
		flag("enable_only"), flag("install_only"), flag("allow_virtual").or(value.Bool(true)),
		param("install_options", nil).list(), param("uninstall_options", nil).list(),
		choice("reinstall_on_refresh", "true", "false").or(value.Bool(false)),
	}, params("provider", "command", "source", "instance", "status", "adminfile", "responsefile", "category", "platform",
		"root", "vendor", "description"))
}

func packageName(v value.Value) (value.Value, error) {
	s, ok := v.(value.String)
	if !ok {
		return nil, bad("Name must be a String not %s", v.TypeName())
	}
	return s, nil
}

func checkPackage(_ string, p Params) error {
	if e := p.Text("ensure"); p.Text("mark") != "" && (e == "absent" || e == "purged") {
		return bad(`You cannot use "mark" property while "ensure" is one of ["absent", "purged"]`)
	}
	return nil
}

func serviceType() *Type {
	return typ(Type{Name: "service", NameVars: []string{"name"}}, []Attribute{
		param("name", text),
		words("ensure", "stopped", "running").alias("false", "stopped", "true", "running"),
		words("enable", "true", "false", "manual", "mask", "delayed"),
		choice("hasstatus", "true", "false").or(value.Bool(true)),
		choice("hasrestart", "true", "false"),
		param("timeout", nil),
	}, props("logonaccount", "flags"), params("provider", "logonpassword", "binary", "path", "pattern", "restart", "start",
		"status", "stop", "control", "manifest"))
}

func execType() *Type {
	return typ(Type{
		Name: "exec", NameVars: []string{"command"}, Check: checkExec,
		Autorequire: []Auto{
			{Type: "file", Titles: execFiles},
			{Type: "user", Titles: func(p Params) []string { return nameOf(p, "user") }},
		},
	}, []Attribute{
		param("command", execCommand),
		prop("returns", exitCode).list().or(value.Strings("0")),
		param("path", execPath).list(),
		param("user", text), param("group", text),
		param("cwd", absolutePath("cwd must be a fully qualified path")),
		choice("logoutput", "true", "false", "on_failure").or(value.String("on_failure")),
		param("refresh", execCommand),
		param("environment", execVariable).list(),
		param("umask", execUmask),
		param("timeout", execTimeout).or(value.Int(300)),
		param("tries", execTries).or(value.Int(1)),
		param("try_sleep", execTrySleep).or(value.Int(0)),
		choice("refreshonly", "true", "false").or(value.Bool(false)),
		param("creates", absolutePath("creates must be a fully qualified path")).list(),
		param("unless", nil), param("onlyif", nil),
	}, params("provider"))
}

func execCommand(v value.Value) (value.Value, error) {
	switch v := v.(type) {
	case value.String:
		if strings.TrimSpace(string(v)) == "" {
			return nil, bad("Empty command")
		}
		return v, nil
	case *value.Array:
		if v.Len() == 0 {
			return nil, bad("Empty command")
		}
		return v, nil
	}
	return nil, bad("Command must be a String or Array<String>, got value of class %s", v.TypeName())
}

func exitCode(v value.Value) (value.Value, error) {
	if _, err := strconv.Atoi(v.String()); err != nil {
		return nil, bad("exit code %s is not a number", inspect(v))
	}
	return value.String(v.String()), nil
}

// execPath splits what is given at colons, into one list.
func execPath(v value.Value) (value.Value, error) {
	if v.String() == "" {
		return nil, bad("path must not be empty")
	}
	return text(v)
}

var variable = regexp.MustCompile(`^\w+=`)

func execVariable(v value.Value) (value.Value, error) {
	if !variable.MatchString(v.String()) {
		return nil, bad("Invalid environment setting '%s'", v.String())
	}
	return text(v)
}

var umask = regexp.MustCompile(`^0?[0-7]{1,4}$`)

func execUmask(v value.Value) (value.Value, error) {
	if !umask.MatchString(v.String()) {
		return nil, bad("The umask specification is invalid: %s", inspect(v))
	}
	return text(v)
}

func execTimeout(v value.Value) (value.Value, error) {
	f, err := strconv.ParseFloat(v.String(), 64)
	if err != nil {
		return nil, bad("Munging failed for value %s in class timeout: The timeout must be a number.", inspect(v))
	}
	if f < 0 {
		f = 0
	}
	if f == float64(int64(f)) {
		return value.Int(f), nil
	}
	return value.Float(f), nil
}

func execTries(v value.Value) (value.Value, error) {
	n, ok := asInt(v)
	if !ok {
		return nil, bad("Munging failed for value %s in class tries: Tries must be an integer", inspect(v))
	}
	if n < 1 {
		return nil, bad("Munging failed for value %s in class tries: Tries must be an integer >= 1", inspect(v))
	}
	return n, nil
}

func execTrySleep(v value.Value) (value.Value, error) {
	f, err := strconv.ParseFloat(v.String(), 64)
	if err != nil {
		return nil, bad("Munging failed for value %s in class try_sleep: try_sleep must be a number", inspect(v))
	}
	if f < 0 {
		return nil, bad("Munging failed for value %s in class try_sleep: try_sleep cannot be a negative number", inspect(v))
	}
	return value.Float(f), nil
}

// CommandText gives a command (a string, or an array of words) as it is shown, and its first word.
func CommandText(v value.Value) (shown, first string) {
	arr, ok := v.(*value.Array)
	if !ok {
		s := v.String()
		return s, firstWord(s)
	}
	parts := make([]string, arr.Len())
	for i, e := range arr.Elems() {
		parts[i] = e.String()
	}
	if len(parts) > 0 {
		first = parts[0]
	}
	return strings.Join(parts, " "), first
}

// firstWord is the first word of a command line, quotes taken off.
func firstWord(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	if q := s[0]; q == '"' || q == '\'' {
		if end := strings.IndexByte(s[1:], q); end >= 0 {
			return s[1 : end+1]
		}
	}
	if i := strings.IndexAny(s, " \t\n"); i >= 0 {
		return s[:i]
	}
	return s
}

func checkExec(_ string, p Params) error {
	if _, ok := p["path"]; ok || p.Text("provider") == "shell" {
		return nil
	}
	for _, name := range []string{"command", "refresh", "unless", "onlyif"} {
		v, ok := p[name]
		if !ok {
			continue
		}
		for _, c := range Commands(name, v) {
			if _, later := c.(*value.Deferred); later {
				continue
			}
			shown, first := CommandText(c)
			if !strings.HasPrefix(first, "/") {
				return bad("'%s' is not qualified and no path was specified. Please qualify the command or specify a path.", shown)
			}
		}
	}
	return nil
}

// Commands gives the commands of an attribute of exec: command and refresh are one command, which may be an array of
// words; unless and onlyif are one or several, each a line or an array of words.
func Commands(name string, v value.Value) []value.Value {
	arr, ok := v.(*value.Array)
	if !ok || name == "command" || name == "refresh" {
		return []value.Value{v}
	}
	return arr.Elems()
}

// execFiles are the files that an exec uses: its directory, and the absolute paths among its commands' words.
func execFiles(p Params) []string {
	out := p.Texts("cwd")
	for _, name := range []string{"command", "onlyif", "unless"} {
		v, ok := p[name]
		if !ok {
			continue
		}
		for _, c := range Commands(name, v) {
			shown, first := CommandText(c)
			if strings.HasPrefix(first, "/") {
				out = append(out, first)
			}
			if name == "command" {
				continue
			}
			for w := range strings.FieldsSeq(shown) {
				if strings.HasPrefix(w, "/") {
					out = append(out, w)
				}
			}
		}
	}
	return out
}

func notifyType() *Type {
	return typ(Type{Name: "notify", NameVars: []string{"name"}}, []Attribute{
		param("name", nil), {Name: "message", Kind: Property, DefaultFrom: "name"},
		choice("withpath", "true", "false").or(value.Bool(false)),
	})
}
