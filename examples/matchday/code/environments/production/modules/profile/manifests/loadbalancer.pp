# haproxy. Its backends are files below /etc/haproxy/kickoff that the agent of this node writes: they are true over
# reloads and restarts, and are changed at run time through haproxy's own socket.
#
# @param backend  name of the balancer in fleet.yaml
# @param port     where clients ask
class profile::loadbalancer (
  String[1]         $backend,
  Integer[1, 65535] $port    = 80,
) {
  package { 'haproxy':
    ensure => installed,
  }

  file {
    default:
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      require => Package['haproxy'],
      ;
    '/etc/haproxy/haproxy.cfg':
      content => epp('profile/haproxy.cfg.epp', { 'backend' => $backend, 'port' => $port }),
      notify  => Service['haproxy'],
      ;
    '/etc/haproxy/kickoff':
      ensure => directory,
      mode   => '0755',
      ;
    # haproxy does not start without a backend; the agent fills it
    "/etc/haproxy/kickoff/${backend}.cfg":
      content => "backend ${backend}\n",
      replace => false,
      ;
    '/etc/default/haproxy':
      content => epp('profile/haproxy.default.epp'),
      ;
  }

  # a reload keeps the options that the process was started with
  exec { 'restart haproxy with other options':
    command     => '/bin/systemctl restart haproxy',
    refreshonly => true,
    subscribe   => File['/etc/default/haproxy'],
    require     => File['/etc/haproxy/haproxy.cfg', "/etc/haproxy/kickoff/${backend}.cfg"],
    before      => Service['haproxy'],
  }

  service { 'haproxy':
    ensure  => running,
    enable  => true,
    restart => '/bin/systemctl reload-or-restart haproxy',
  }
}
