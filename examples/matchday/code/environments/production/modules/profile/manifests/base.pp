# What every machine has. The bootstrap wrote the agent's configuration in its most basic form; from here on it is
# managed like everything else.
#
# @param server       where the agent finds its server
# @param runinterval  how often the agent runs by itself
# @param splay        spreads the agents' runs over the interval
class profile::base (
  String[1]                $server      = 'kickoff.internal',
  Pattern[/\A\d+[smhd]\z/] $runinterval = '30m',
  Boolean                  $splay       = true,
) {
  file { '/etc/puppetlabs/puppet/puppet.conf':
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => epp('profile/puppet.conf.epp', {
      'server'      => $server,
      'certname'    => $trusted['certname'],
      'environment' => $server_facts['environment'],
      'runinterval' => $runinterval,
      'splay'       => $splay,
    }),
  }

  service { 'kickoff-agent':
    enable => true,
  }
}
