# What every machine has. Bootstrap wrote the agent's configuration in its most basic form; from here on it is managed.
#
# @param server       the server's name
# @param runinterval  how often the agent looks after the machine
# @param serverport   its port
# @param splay        whether runs are spread over the interval
# @param log_level    what the agent logs
class profile::base (
  String[1]                       $server,
  Integer[1, 65535]               $serverport  = 8140,
  Pattern[/\A\d+[smhd]?\z/]       $runinterval = '30m',
  Boolean                         $splay       = true,
  Enum['debug', 'info', 'notice'] $log_level   = 'info',
) {
  # The agent reads its configuration before every run: no restart is needed.
  file { '/etc/puppetlabs/puppet/puppet.conf':
    ensure  => file,
    mode    => '0644',
    content => epp('profile/puppet.conf.epp', {
      'certname'    => $trusted['certname'],
      'server'      => $server,
      'serverport'  => $serverport,
      'environment' => $environment,
      'runinterval' => $runinterval,
      'splay'       => $splay,
      'log_level'   => $log_level,
    }),
  }

  # Only root may see what the agent keeps of secrets.
  file { '/etc/kickoff':
    ensure => directory,
    mode   => '0700',
  }

  service { 'kickoff-agent':
    ensure => running,
    enable => true,
  }
}
