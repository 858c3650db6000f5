package agent

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kickoff/internal/cli"
)

// TestStockPuppetServer runs our agent against an unmodified puppetserver (Debian's). Starting one takes a minute and a
// gigabyte, so it is done only where KICKOFF_STOCK_PUPPETSERVER is set.
func TestStockPuppetServer(t *testing.T) {
	if os.Getenv("KICKOFF_STOCK_PUPPETSERVER") == "" {
		t.Skip("KICKOFF_STOCK_PUPPETSERVER is not set (needs: apt-get install puppetserver)")
	}
	dir := t.TempDir()
	port := startPuppetServer(t, dir)
	write(t, dir+"/agent/puppet.conf", fmt.Sprintf(`[main]
server = localhost
serverport = %d
certname = agent01.test
ssldir = %[2]s/agent/ssl
vardir = %[2]s/agent/var
publicdir = %[2]s/agent/public
kickoff_trust_first_use = true
waitforcert = 2
maxwaitforcert = 60
`, port, dir))
	for run, c := range []struct {
		flags []string
		code  int
		want  string
	}{
		{nil, 2, "File[" + dir + "/target/tree/b c]/ensure: defined content as"},
		{nil, 0, "Applied catalog in"},
		{[]string{"--environment", "mini"}, 2, "Notice: mini"},
		{[]string{"--environment", "nosuch"}, 0, "doesn't match server specified environment 'production'"},
	} {
		var out bytes.Buffer
		args := append([]string{"agent", "--test", "--config", dir + "/agent/puppet.conf"}, c.flags...)
		code := cli.Main(args, &cli.IO{In: strings.NewReader(""), Out: &out, Err: &out})
		if code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("run %d: code %d, want %d and %q:\n%s", run, code, c.code, c.want, out.String())
		}
	}
	reports, err := filepath.Glob(dir + "/var/reports/agent01.test/*.yaml")
	if err != nil || len(reports) == 0 {
		t.Error("the server has stored no report", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// startPuppetServer starts Debian's puppetserver with everything below dir, and gives its port.
func startPuppetServer(t *testing.T, dir string) int {
	t.Helper()
	const jar = "/usr/share/puppetserver/puppetserver.jar"
	if _, err := os.Stat(jar); err != nil {
		t.Skip("puppetserver is not installed: apt-get install puppetserver")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	configurePuppetServer(t, dir, port)
	log, err := os.Create(dir + "/server.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("java", "-Xmx900m", "-Djruby.logger.class=com.puppetlabs.jruby_utils.jruby.Slf4jLogger", "-Dlogappender=STDOUT",
		"-Djruby.lib=/usr/share/jruby/lib", "-jar", jar, "--config", dir+"/conf/conf.d", "--bootstrap-config", dir+"/conf/services.d")
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/usr/share/puppetserver", log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(4 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		text, err := os.ReadFile(dir + "/server.log")
		if err == nil && bytes.Contains(text, []byte("now ready to handle requests")) {
			return port
		}
	}
	t.Fatal("puppetserver has not started within 4 minutes")
	return 0
}

// configurePuppetServer writes configuration and code below dir.
func configurePuppetServer(t *testing.T, dir string, port int) {
	t.Helper()
	if out, err := exec.Command("cp", "-r", "/etc/puppet/puppetserver", dir+"/conf").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"run", "log", "var", "code"} {
		if err := os.MkdirAll(dir+"/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir+"/conf/conf.d/webserver.conf", fmt.Sprintf("webserver: {client-auth: want, ssl-host: 127.0.0.1, ssl-port: %d}\n", port))
	write(t, dir+"/conf/conf.d/puppetserver.conf", fmt.Sprintf(`jruby-puppet: {
ruby-load-path: [/usr/lib/puppetserver/ruby/vendor_ruby], gem-home: /var/lib/puppetserver/jruby-gems
gem-path: [${jruby-puppet.gem-home}, "/usr/lib/puppetserver/vendored-jruby-gems"], max-active-instances: 1
server-conf-dir: %[1]s/puppet, server-code-dir: %[1]s/code, server-var-dir: %[1]s/var, server-run-dir: %[1]s/run, server-log-dir: %[1]s/log
}`, dir))
	write(t, dir+"/puppet/puppet.conf", fmt.Sprintf("[main]\ncertname = localhost\nssldir = %[1]s/ssl\nautosign = true\n[server]\ncadir = %[1]s/ca\nvardir = %[1]s/var\nreports = store\n", dir))
	environments := dir + "/code/environments/"
	write(t, environments+"mini/manifests/site.pp", "notify { 'mini': }\n")
	write(t, environments+"production/modules/demo/files/tree/b c", "x\n")
	write(t, environments+"production/modules/demo/files/s", "s\n")
	write(t, environments+"production/manifests/site.pp", fmt.Sprintf(`file { '%[1]s/target': ensure => directory }
file { '%[1]s/target/s': source => ['puppet:///modules/demo/nosuch', 'puppet:///modules/demo/s'] }
file { '%[1]s/target/tree': ensure => directory, recurse => true, source => 'puppet:///modules/demo/tree' }
file { '%[1]s/target/facts': content => "${facts['clientcert']} ${facts['os']['family']} ${trusted['certname']}" }
`, dir))
}
