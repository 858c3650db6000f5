class demo(String $root = '/srv/puppet/target-mini') {
  file { $root: ensure => directory }
  file { "${root}/a": content => "a ${facts['demo_fact']} ${trusted['certname']} ${trusted['extensions']}\n" }
  file { "${root}/s": source => 'puppet:///modules/demo/s.txt' }
  file { "${root}/missing_ok": source => ['puppet:///modules/demo/nope', 'puppet:///modules/demo/s.txt'] }
  file { "${root}/t": recurse => true, source => 'puppet:///modules/demo/tree' }
  notify { 'n': }
}
