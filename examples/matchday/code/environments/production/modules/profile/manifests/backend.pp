# The application: a Clojure HTTP server, cloned with git and built offline by leiningen from Debian's jars.
#
# @param source       git repository of the application
# @param revision     branch, tag or commit
# @param greeting     what it says to everybody who asks
# @param port         where it listens
# @param threads      how many requests it answers at a time
# @param jvm_options  options of the Java virtual machine
# @param deploy_keys  who may log in as the application's user: name => { type, key }
class profile::backend (
  String[1]                            $source,
  String[1]                            $revision    = 'main',
  String[1]                            $greeting    = 'Hello',
  Integer[1024, 65535]                 $port        = 8080,
  Integer[1, 256]                      $threads     = 16,
  Array[String[1]]                     $jvm_options = [],
  Hash[String[1], Struct[{
    type => String[1],
    key  => String[1],
  }]]                                  $deploy_keys = {},
) {
  $user = 'matchday'
  $home = '/srv/matchday'
  $app  = "${home}/app"
  $jar  = "${app}/target/api-1.0.0.jar"

  package { ['openjdk-17-jre-headless', 'clojure', 'leiningen', 'git']:
    ensure => installed,
  }

  group { $user:
    ensure => present,
    system => true,
  }

  user { $user:
    ensure     => present,
    comment    => 'the matchday application',
    gid        => $user,
    home       => $home,
    managehome => true,
    shell      => '/bin/sh',
    system     => true,
    require    => Group[$user],
  }

  $deploy_keys.each |$name, $key| {
    ssh_authorized_key { $name:
      ensure  => present,
      user    => $user,
      type    => $key['type'],
      key     => $key['key'],
      require => User[$user],
    }
  }

  vcsrepo { $app:
    ensure   => present,
    provider => git,
    source   => $source,
    revision => $revision,
    user     => $user,
    require  => [Package['git'], User[$user]],
  }

  exec { 'build the application':
    command     => 'lein -o jar',
    path        => ['/usr/bin', '/bin'],
    cwd         => $app,
    user        => $user,
    environment => ["HOME=${home}", 'LEIN_JVM_OPTS=-XX:TieredStopAtLevel=1'],
    creates     => $jar,
    timeout     => 300,
    logoutput   => on_failure,
    require     => [Vcsrepo[$app], Package['openjdk-17-jre-headless', 'clojure', 'leiningen']],
    notify      => Service['matchday'],
  }

  file { '/etc/matchday.edn':
    ensure  => file,
    owner   => 'root',
    group   => $user,
    mode    => '0640',
    content => epp('profile/matchday.edn.epp', {
      'instance' => $trusted['certname'],
      'greeting' => $greeting,
      'port'     => $port,
      'threads'  => $threads,
    }),
    require => Group[$user],
    notify  => Service['matchday'],
  }

  file { '/etc/systemd/system/matchday.service':
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => epp('profile/matchday.service.epp', {
      'user'        => $user,
      'app'         => $app,
      'jar'         => $jar,
      'jvm_options' => $jvm_options,
    }),
    notify  => Service['matchday'],
  }

  service { 'matchday':
    ensure  => running,
    enable  => true,
    require => [Package['openjdk-17-jre-headless', 'clojure'], User[$user]],
  }
}
