package syntax

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// manifest is a text of the kind that modules have, about size bytes long.
func manifest(size int) []byte {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `# Manages part %[1]d of the service.
class profile::part%[1]d (
  String[1]                      $package_name = 'service-%[1]d',
  Enum['present', 'absent']      $ensure       = 'present',
  Optional[Stdlib::Absolutepath] $config_file  = "/etc/service/${facts['os']['family']}/part%[1]d.conf",
) inherits profile::params {
  include profile::base
  $options = { 'listen' => "${facts['networking']['ip']}:80", 'workers' => $facts['processors']['count'] * 2, }
  if $ensure == 'present' and $facts['os']['release']['major'] =~ /^(11|12)$/ {
    package { $package_name: ensure => installed, }
    -> file { $config_file:
      ensure  => file,
      owner   => 'root',
      mode    => '0644',
      content => epp('profile/part.conf.epp', { 'options' => $options }),
      notify  => Service["part-%[1]d"],
    }
  } else {
    fail("unsupported: ${facts['os']['name']}")
  }
  $options.each |String $key, $value| { notice("${key} = ${value}") }
  service { "part-%[1]d": ensure => running, enable => true, }
}
`, i)
	}
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	src := manifest(200_000)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := Parse("bench.pp", src, Options{}); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}

func BenchmarkLexer(b *testing.B) {
	src := string(manifest(200_000))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		f := NewFile("", src)
		newLexer(f, Options{}, &reporter{file: f}).run()
	}
}

// BenchmarkParseFile parses the file that KICKOFF_BENCH_FILE names.
func BenchmarkParseFile(b *testing.B) {
	name := os.Getenv("KICKOFF_BENCH_FILE")
	if name == "" {
		b.Skip("KICKOFF_BENCH_FILE is not set")
	}
	src, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		Parse(name, src, Options{EPP: strings.HasSuffix(name, ".epp")})
	}
}
