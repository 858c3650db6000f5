# A small shop in Python.
class shop (
  String[1]           $source,
  String[1]           $motto,
  Enum['EUR', 'USD']  $currency,
  Integer[1, 16]      $workers = 1,
) {
  $dir = '/srv/shop'

  package { ['python3', 'git']:
    ensure => installed,
  }

  group { 'shop':
    ensure => present,
    system => true,
  }
  -> user { 'shop':
    ensure => present,
    gid    => 'shop',
    home   => $dir,
    shell  => '/usr/sbin/nologin',
    system => true,
  }

  vcsrepo { $dir:
    ensure   => present,
    provider => git,
    source   => $source,
    require  => Package['git'],
  }

  file { '/etc/shop.json':
    owner   => 'root',
    group   => 'shop',
    mode    => '0640',
    content => epp('shop/shop.json.epp', {
      'motto'    => $motto,
      'currency' => $currency,
      'workers'  => $workers,
      'instance' => $trusted['certname'],
    }),
    require => Group['shop'],
  }

  file { '/etc/systemd/system/shop.service':
    content => epp('shop/shop.service.epp', { 'dir' => $dir }),
  }

  service { 'shop':
    ensure    => running,
    enable    => true,
    require   => [Package['python3'], User['shop']],
    subscribe => [File['/etc/shop.json'], File['/etc/systemd/system/shop.service'], Vcsrepo[$dir]],
  }
}
