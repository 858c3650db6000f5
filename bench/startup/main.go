// Command startup measures how long the binary takes to start, beside the real Puppet's.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"kickoff/bench/measure"
)

const manifest = `class web (Integer $port = 80) {
  package { 'nginx': ensure => installed }
  -> file { '/etc/nginx/conf.d/web.conf': content => "listen ${port};\n" }
  ~> service { 'nginx': ensure => running }
}
`

func main() {
	binary := flag.String("binary", "bin/kickoff", "the kickoff binary")
	n := flag.Int("n", 15, "counted runs")
	flag.Parse()
	if err := run(*binary, *n); err != nil {
		fmt.Fprintln(os.Stderr, "startup:", err)
		os.Exit(1)
	}
}

func run(binary string, n int) error {
	dir, err := os.MkdirTemp("", "startup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "web.pp")
	if err := os.WriteFile(file, []byte(manifest), 0o644); err != nil {
		return err
	}
	peer := func(args ...string) []string {
		if _, err := exec.LookPath("puppet"); err != nil {
			return nil
		}
		return append([]string{"puppet"}, args...)
	}
	if len(peer()) == 0 {
		fmt.Println("no puppet on this machine (apt-get install puppet-agent): measured alone")
	}
	if err := measure.Compare(os.Stdout, "version", []string{binary, "version"}, peer("--version"), n); err != nil {
		return err
	}
	return measure.Compare(os.Stdout, "parser validate, one small file",
		[]string{binary, "parser", "validate", file}, peer("parser", "validate", file), n)
}
