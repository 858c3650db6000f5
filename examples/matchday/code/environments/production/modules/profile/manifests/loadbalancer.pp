# haproxy in front of the backends. Which servers stand behind it is not written here: the fleet's controller tells the
# agent, which keeps one file for each backend in a directory of its own and drives haproxy's admin socket.
#
# @param frontends  for each backend, the port on which clients reach it
# @param directory  where the agent keeps the backends
class profile::loadbalancer (
  Hash[String[1], Struct[{ port => Integer[1, 65535] }]] $frontends,
  String[1]                                              $directory = '/etc/haproxy/kickoff',
) {
  package { 'haproxy':
    ensure          => installed,
    install_options => ['--no-install-recommends'],
  }

  file { '/etc/haproxy/haproxy.cfg':
    ensure  => file,
    mode    => '0644',
    content => epp('profile/haproxy.cfg.epp', { 'frontends' => $frontends }),
    require => Package['haproxy'],
    notify  => Service['haproxy'],
  }

  file { '/etc/default/haproxy':
    ensure  => file,
    mode    => '0644',
    content => "# Managed by profile::loadbalancer.\nEXTRAOPTS=\"-S /run/haproxy-master.sock -f ${directory}\"\n",
    require => Package['haproxy'],
    notify  => Service['haproxy'],
  }

  file { $directory:
    ensure  => directory,
    mode    => '0755',
    require => Package['haproxy'],
  }

  # haproxy does not start without the backends that its frontends name. From here on they are the agent's.
  $frontends.keys.each |String $backend| {
    file { "${directory}/${backend}.cfg":
      ensure  => file,
      mode    => '0644',
      replace => false,
      content => "backend ${backend}\n\tmode http\n",
      before  => Service['haproxy'],
    }
  }

  service { 'haproxy':
    ensure => running,
    enable => true,
  }
}
