package resource

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/value"
)

// Messages recorded from Puppet 7.23: Puppet::Type.type(t).new(...).
func TestMungeRefusals(t *testing.T) {
	str := func(s string) value.Value { return value.String(s) }
	tests := []struct {
		typ, title string
		params     Params
		want       string
	}{
		{"service", "x", Params{"ensure": str("bogus")}, `Parameter ensure failed on Service[x]: Invalid value "bogus". Valid values are stopped, running.`},
		{"service", "x", Params{"enable": str("bogus")}, `Parameter enable failed on Service[x]: Invalid value "bogus". Valid values are true, false, manual, mask, delayed.`},
		{"file", "/tmp/a", Params{"bogus": value.Int(1)}, `no parameter named 'bogus'`},
		{"file", "/tmp/a", Params{"mode": value.Int(644)}, `Parameter mode failed on File[/tmp/a]: The file mode specification must be a string, not 'Integer'`},
		{"file", "/tmp/a", Params{"mode": str("9")}, `Parameter mode failed on File[/tmp/a]: The file mode specification is invalid: "9"`},
		{"file", "rel", Params{"ensure": str("file")}, `Parameter path failed on File[rel]: File paths must be fully qualified, not 'rel'`},
		{"file", "/tmp/a", Params{"source": str("foo")}, `Parameter source failed on File[/tmp/a]: Cannot use relative URLs 'foo'`},
		{"file", "/tmp/a", Params{"source": str("ftp://foo")}, `Parameter source failed on File[/tmp/a]: Cannot use URLs of type 'ftp' as source for fileserving`},
		{"file", "/tmp/a", Params{"content": str("a"), "source": str("/x")}, `Validation of File[/tmp/a] failed: You cannot specify more than one of content, source, target`},
		{"file", "/tmp/a", Params{"recurse": str("maybe")}, `Parameter recurse failed on File[/tmp/a]: Invalid recurse value "maybe"`},
		{"file", "/tmp/a", Params{"backup": value.Int(5)}, `Parameter backup failed on File[/tmp/a]: Invalid backup type 5`},
		{"file", "/tmp/a", Params{"recurselimit": str("a")}, `Parameter recurselimit failed on File[/tmp/a]: Invalid value "a". Valid values match /^[0-9]+$/.`},
		{"file", "/a", Params{"replace": str("b")}, `Parameter replace failed on File[/a]: Invalid value "b". Valid values are true, false, yes, no.`},
		{"file", "/tmp/a", Params{"loglevel": str("foo")}, `Parameter loglevel failed on File[/tmp/a]: Invalid value "foo". Valid values are debug, info, notice, warning, err, alert, emerg, crit, verbose.`},
		{"exec", "foo", Params{}, `Validation of Exec[foo] failed: 'foo' is not qualified and no path was specified. Please qualify the command or specify a path.`},
		{"exec", "/bin/x", Params{"timeout": str("abc")}, `Parameter timeout failed on Exec[/bin/x]: Munging failed for value "abc" in class timeout: The timeout must be a number.`},
		{"exec", "/bin/x", Params{"logoutput": str("abc")}, `Parameter logoutput failed on Exec[/bin/x]: Invalid value "abc". Valid values are true, false, on_failure.`},
		{"exec", "/bin/x", Params{"creates": str("rel")}, `Parameter creates failed on Exec[/bin/x]: creates must be a fully qualified path`},
		{"exec", "/bin/x", Params{"tries": value.Int(0)}, `Parameter tries failed on Exec[/bin/x]: Munging failed for value 0 in class tries: Tries must be an integer >= 1`},
		{"exec", "/bin/x", Params{"tries": str("x")}, `Parameter tries failed on Exec[/bin/x]: Munging failed for value "x" in class tries: Tries must be an integer`},
		{"exec", "/bin/x", Params{"environment": str("abc")}, `Parameter environment failed on Exec[/bin/x]: Invalid environment setting 'abc'`},
		{"exec", "/bin/x", Params{"cwd": str("abc")}, `Parameter cwd failed on Exec[/bin/x]: cwd must be a fully qualified path`},
		{"exec", "/bin/x", Params{"umask": str("9")}, `Parameter umask failed on Exec[/bin/x]: The umask specification is invalid: "9"`},
		{"group", "x", Params{"gid": str("a")}, `Parameter gid failed on Group[x]: Invalid GID a`},
		{"user", "x", Params{"groups": str("a,b")}, `Parameter groups failed on User[x]: Group names must be provided as an array, not a comma-separated list.`},
		{"user", "x", Params{"groups": value.Strings("1")}, `Parameter groups failed on User[x]: Group names must be provided, not GID numbers.`},
		{"user", "x", Params{"expiry": str("abc")}, `Parameter expiry failed on User[x]: Expiry dates must be YYYY-MM-DD or the string "absent"`},
		{"user", "x", Params{"password": str("a:b")}, `Parameter password failed on User[x]: Passwords cannot include ':'`},
		{"user", "x", Params{"managehome": str("a")}, `Parameter managehome failed on User[x]: Munging failed for value "a" in class managehome: expected a boolean value`},
		{"ssh_authorized_key", "x", Params{}, `Validation of Ssh_authorized_key[x] failed: Attribute 'user' or 'target' is mandatory`},
		{"ssh_authorized_key", "x", Params{"user": str("root"), "type": str("rsa"), "key": str("a b")}, `Parameter key failed on Ssh_authorized_key[x]: Key must not contain whitespace: a b`},
		{"package", "x", Params{"ensure": str("")}, `Parameter ensure failed on Package[x]: Invalid value "". Valid values are present, absent, purged, disabled, latest. Valid values match /./.`},
		{"package", "x", Params{"mark": str("hold"), "ensure": str("absent")}, `Validation of Package[x] failed: You cannot use "mark" property while "ensure" is one of ["absent", "purged"]`},
		{"vcsrepo", "/a", Params{"revision": str("a b")}, `Parameter revision failed on Vcsrepo[/a]: Invalid value "a b". Valid values match /^\S+$/.`},
		{"notify", "x", Params{"withpath": str("maybe")}, `Parameter withpath failed on Notify[x]: Invalid value "maybe". Valid values are true, false.`},
		{"notify", "x", Params{"require": str("abc")}, `Parameter require failed on Notify[x]: No title provided and "abc" is not a valid resource reference`},
	}
	reg := Builtin()
	for _, tt := range tests {
		typ, ok := reg.Lookup(tt.typ)
		if !ok {
			t.Fatalf("no type %s", tt.typ)
		}
		_, err := typ.Munge(tt.title, tt.params)
		if err == nil {
			t.Errorf("%s: no error, want %s", tt.typ, tt.want)
			continue
		}
		if err.Error() != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.typ, err, tt.want)
		}
	}
}

func TestMungeSecretNotInError(t *testing.T) {
	typ, _ := Builtin().Lookup("user")
	_, err := typ.Munge("x", Params{"expiry": value.NewSensitive(value.String("hunter2"))})
	if err == nil {
		t.Fatal("no error")
	}
	typ, _ = Builtin().Lookup("ssh_authorized_key")
	_, err = typ.Munge("x", Params{"user": value.String("u"), "key": value.NewSensitive(value.String("hunter 2"))})
	want := "Parameter key failed on Ssh_authorized_key[x]: Key must not contain whitespace: " + value.Redacted
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCheckSeesSecrets(t *testing.T) {
	typ, _ := Builtin().Lookup("exec")
	if _, err := typ.Munge("x", Params{"command": value.NewSensitive(value.String("/bin/true secret"))}); err != nil {
		t.Error(err)
	}
	if _, err := typ.Munge("x", Params{"command": &value.Deferred{Name: "f"}}); err != nil {
		t.Error(err)
	}
	_, err := typ.Munge("x", Params{"command": value.NewSensitive(value.String("hunter2"))})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestMunge(t *testing.T) {
	tests := []struct {
		typ, title string
		in         Params
		want       map[string]string
	}{
		{"file", "/tmp/x/", Params{"ensure": value.Bool(false)}, map[string]string{"path": "/tmp/x", "ensure": "absent"}},
		{"file", "conf", Params{"path": value.String("/etc/x"), "recurse": value.String("inf"), "force": value.String("yes")},
			map[string]string{"path": "/etc/x", "recurse": "true", "force": "true"}},
		{"service", "x", Params{"ensure": value.Bool(true)}, map[string]string{"ensure": "running", "name": "x"}},
		{"package", "x", Params{"ensure": value.String("installed")}, map[string]string{"ensure": "present"}},
		{"package", "x", Params{}, map[string]string{"ensure": "present", "name": "x"}},
		{"package", "x", Params{"ensure": value.String("1.2-3")}, map[string]string{"ensure": "1.2-3"}},
		{"user", "x", Params{"uid": value.String("010"), "groups": value.String("a")},
			map[string]string{"uid": "10", "groups": "[a]", "ensure": "present", "membership": "minimum"}},
		{"exec", "/bin/true", Params{"returns": value.NewArray(value.Int(0), value.Int(2)), "timeout": value.Int(-1)},
			map[string]string{"command": "/bin/true", "returns": "[0, 2]", "timeout": "0"}},
		{"ssh_authorized_key", "k", Params{"user": value.String("u"), "type": value.String("ed25519")},
			map[string]string{"type": "ssh-ed25519", "ensure": "present"}},
		{"sshkey", "host.x@ed25519", Params{}, map[string]string{"name": "host.x@ed25519"}},
		{"sshkey", "host.x@ssh-rsa", Params{}, map[string]string{"name": "host.x", "type": "ssh-rsa"}},
		{"notify", "hi", Params{}, map[string]string{"message": "hi", "name": "hi"}},
		{"file", "/x", Params{"content": value.NewSensitive(value.String("s"))}, map[string]string{"content": value.Redacted}},
	}
	reg := Builtin()
	for _, tt := range tests {
		typ, _ := reg.Lookup(tt.typ)
		out, err := typ.Munge(tt.title, tt.in)
		if err != nil {
			t.Errorf("%s[%s]: %v", tt.typ, tt.title, err)
			continue
		}
		for name, want := range tt.want {
			if got := out.Text(name); got != want {
				t.Errorf("%s[%s] %s: got %q, want %q", tt.typ, tt.title, name, got, want)
			}
		}
	}
}

func TestAutorequire(t *testing.T) {
	reg := Builtin()
	titles := func(name, title string, p Params) map[string][]string {
		typ, _ := reg.Lookup(name)
		out, err := typ.Munge(title, p)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for _, a := range typ.Autorequire {
			got[a.Type] = append(got[a.Type], a.Titles(out)...)
		}
		return got
	}
	got := titles("file", "/a/b/c", Params{"owner": value.String("joe"), "group": value.String("0")})
	want := map[string][]string{"file": {"/a/b", "/a", "/"}, "user": {"joe"}, "group": nil}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	got = titles("exec", "/bin/x a", Params{"cwd": value.String("/srv"), "user": value.String("app"),
		"onlyif": value.String("/usr/bin/test -e /etc/foo"), "unless": value.NewArray(value.Strings("/bin/u", "/z"))})
	want = map[string][]string{"file": {"/srv", "/bin/x", "/usr/bin/test", "/usr/bin/test", "/etc/foo", "/bin/u", "/bin/u", "/z"},
		"user": {"app"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestRegistry(t *testing.T) {
	reg := Builtin()
	for _, name := range []string{"cron", "mount", "host", "tidy", "resources", "schedule", "filebucket", "stage", "anchor",
		"file_line", "augeas", "yumrepo", "sshkey", "selboolean", "selmodule", "mailalias"} {
		if _, ok := reg.Lookup(name); !ok {
			t.Errorf("type %s is missing", name)
		}
	}
	if _, ok := reg.Lookup("File"); !ok {
		t.Error("lookup is not case-insensitive")
	}
	more := reg.With(New("my::thing", []string{"name"}, []string{"state"}, []string{"name"}))
	typ, ok := more.Lookup("My::Thing")
	if !ok || typ.Ref("a") != "My::Thing[a]" {
		t.Errorf("added type: %v %v", typ, ok)
	}
	if _, ok := reg.Lookup("my::thing"); ok {
		t.Error("With changed the registry that it copied")
	}
}
