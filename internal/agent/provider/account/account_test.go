package account

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kickoff/internal/agent/provider"
	"kickoff/internal/agent/provider/system"
	"kickoff/internal/catalog"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

const (
	passwd = "root:x:0:0:root:/root:/bin/bash\napp:x:1001:100:the app:/home/app:/bin/sh\n1001:x:7:7::/:/bin/sh\n" +
		"+nis::::::\nbroken:x\n"
	group  = "root:x:0:\nusers:x:100:\nadm:x:4:app,syslog\nwheel:x:10:app\nextra:x:11:\n"
	shadow = "root:*:1:0:99999:7:::\napp:$6$old:19000:0:99999:7::21915:\n"
)

func machine(t *testing.T, script *system.Script) *system.Machine {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(root+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"passwd": passwd, "group": group, "shadow": shadow} {
		if err := os.WriteFile(root+"/etc/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script.Answers = append(script.Answers, system.Answer{Prefix: "getent", Result: system.Result{Code: 2}}, system.Answer{})
	return system.NewMachine(root, script)
}

func res(t *testing.T, typeName, title string, pairs ...any) *provider.Resource {
	t.Helper()
	typ, _ := resource.Builtin().Lookup(typeName)
	params := resource.Params{}
	for i := 0; i < len(pairs); i += 2 {
		params[pairs[i].(string)] = value.FromGo(pairs[i+1])
	}
	munged, err := typ.Munge(title, params)
	if err != nil {
		t.Fatal(err)
	}
	return &provider.Resource{Ref: catalog.Ref{Type: typeName, Title: title}, Type: typ, Params: munged}
}

// run gives the changes and the commands that make them.
func run(t *testing.T, typeName, title string, pairs ...any) (string, []string, []string) {
	t.Helper()
	script := &system.Script{}
	m := machine(t, script)
	var p provider.Provider = NewUsers(m)
	if typeName == "group" {
		p = NewGroups(m)
	}
	cs, err := p.Check(t.Context(), res(t, typeName, title, pairs...))
	if err != nil {
		return "error: " + err.Error(), nil, nil
	}
	script.Ran()
	var texts []string
	for _, c := range cs {
		text := c.Message
		if text == "" {
			text = fmt.Sprintf("%s %s>%s", c.Property, c.Previous, c.Desired)
		}
		texts = append(texts, text)
		if err := c.Apply(t.Context()); err != nil {
			t.Error(err)
		}
	}
	var commands []string
	for _, line := range script.Ran() {
		if !strings.HasPrefix(line, "getent") {
			commands = append(commands, line)
		}
	}
	return strings.Join(texts, "; "), commands, script.Inputs()
}

func TestAccounts(t *testing.T) {
	tests := []struct {
		typ, title string
		params     []any
		want       string
		commands   []string
	}{
		{"user", "new", []any{"ensure", "present"}, "created", []string{"useradd -M new"}},
		{"user", "new", []any{"uid", 7001, "gid", "users", "groups", []any{"adm", "wheel"}, "comment", "a b", "home", "/h", "shell", "/bin/sh",
			"managehome", true, "system", true, "expiry", "2030-01-01", "allowdupe", true}, "created",
			[]string{"useradd -c a b -g users -d /h -s /bin/sh -u 7001 -G adm,wheel -e 2030-01-01 -o -m -r new"}},
		{"user", "extra", []any{"ensure", "present"}, "created", []string{"useradd -M -g extra extra"}},
		{"user", "new", []any{"ensure", "present", "password", "$6$x", "password_max_age", 9}, "created",
			[]string{"useradd -M new", "chpasswd -e", "chage -M 9 new"}},
		{"user", "new", []any{"ensure", "absent"}, "", nil},
		{"user", "new", nil, "", nil},
		{"user", "app", []any{"ensure", "absent"}, "removed", []string{"userdel app"}},
		{"user", "app", []any{"ensure", "absent", "managehome", true}, "removed", []string{"userdel -r app"}},
		{"user", "app", []any{"uid", 1001, "gid", "users", "home", "/home/app", "comment", "the app", "shell", "/bin/sh", "groups", "adm",
			"expiry", "2030-01-01", "password", "$6$old", "password_min_age", 0}, "", nil},
		{"user", "app", []any{"uid", 5, "gid", 0, "home", "/h", "comment", "", "shell", "/bin/x"},
			"home /home/app>/h; uid 1001>5; gid 100>0; comment the app>; shell /bin/sh>/bin/x",
			[]string{"usermod -d /h app", "usermod -u 5 app", "usermod -g 0 app", "usermod -c  app", "usermod -s /bin/x app"}},
		{"user", "app", []any{"home", "/h", "managehome", true}, "home /home/app>/h", []string{"usermod -d /h -m app"}},
		{"user", "app", []any{"groups", []any{"extra"}}, "groups changed adm,wheel to ['adm', 'extra', 'wheel']",
			[]string{"usermod -G adm,extra,wheel app"}},
		{"user", "app", []any{"groups", []any{"extra"}, "membership", "inclusive"}, "groups changed adm,wheel to ['extra']",
			[]string{"usermod -G extra app"}},
		{"user", "app", []any{"groups", []any{}, "membership", "inclusive"}, "groups changed adm,wheel to []", []string{"usermod -G  app"}},
		{"user", "app", []any{"expiry", "absent"}, "expiry 2030-01-01>absent", []string{"usermod -e  app"}},
		{"user", "app", []any{"password", "$6$new"}, "password [old password]>[new password]", []string{"chpasswd -e"}},
		{"user", "app", []any{"password_warn_days", 3}, "password_warn_days 7>3", []string{"chage -W 3 app"}},
		{"user", "1001", []any{"ensure", "absent"}, "removed", []string{"userdel 1001"}},
		{"user", "100", []any{"ensure", "absent"}, "", nil},
		{"user", "-r", []any{"ensure", "present"}, "error: '-r' is not a name that a user can have", nil},
		{"user", "app", []any{"purge_ssh_keys", true}, "error: attribute 'purge_ssh_keys' is not supported by provider useradd", nil},
		{"user", "app", []any{"salt", "x"}, "error: attribute 'salt' is not supported by provider useradd", nil},
		{"user", "app", []any{"provider", "ldap"}, "error: provider 'ldap' is not supported: this agent manages users with useradd", nil},
		{"group", "new", []any{"ensure", "present"}, "created", []string{"groupadd new"}},
		{"group", "new", []any{"gid", 7, "system", true, "allowdupe", true, "members", []any{"a", "b"}}, "created",
			[]string{"groupadd -g 7 -o -r new", "gpasswd -M a,b new"}},
		{"group", "adm", []any{"ensure", "absent"}, "removed", []string{"groupdel adm"}},
		{"group", "adm", []any{"gid", "4"}, "", nil},
		{"group", "adm", []any{"gid", 44}, "gid 4>44", []string{"groupmod -g 44 adm"}},
		{"group", "adm", []any{"members", []any{"x"}}, "members [app, syslog]>[app, syslog, x]", []string{"gpasswd -M app,syslog,x adm"}},
		{"group", "adm", []any{"members", []any{"app"}, "auth_membership", true}, "members [app, syslog]>[app]", []string{"gpasswd -M app adm"}},
		{"group", "4", []any{"ensure", "absent"}, "", nil},
		{"group", "a:b", []any{"ensure", "present"}, "error: 'a:b' is not a name that a group can have", nil},
	}
	for _, tt := range tests {
		t.Run(tt.typ+" "+tt.title+" "+fmt.Sprint(tt.params...), func(t *testing.T) {
			got, commands, _ := run(t, tt.typ, tt.title, tt.params...)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if d := cmp.Diff(tt.commands, commands); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPasswordGoesToStandardInput(t *testing.T) {
	_, commands, inputs := run(t, "user", "app", "password", "$6$secret")
	if strings.Contains(strings.Join(commands, " "), "secret") {
		t.Errorf("the password stands on a command line: %q", commands)
	}
	if d := cmp.Diff([]string{"app:$6$secret\n"}, inputs); d != "" {
		t.Error(d)
	}
}
