# haproxy; its backends are written by the agent of this node.
class edge (
  Integer[1, 65535] $port    = 8088,
  String[1]         $backend = 'shop',
) {
  package { 'haproxy':
    ensure => installed,
  }
  -> file {
    '/etc/haproxy/kickoff':
      ensure => directory;
    "/etc/haproxy/kickoff/${backend}.cfg":
      content => "backend ${backend}\n",
      replace => false;
    '/etc/haproxy/haproxy.cfg':
      content => epp('edge/haproxy.cfg.epp', { 'port' => $port, 'backend' => $backend });
    '/etc/default/haproxy':
      content => "EXTRAOPTS=\"-S /run/haproxy-master.sock -f /etc/haproxy/kickoff\"\n";
  }
  ~> service { 'haproxy':
    ensure => running,
    enable => true,
  }
}
