# The application: a Clojure HTTP server, cloned with git, built offline by leiningen, run by systemd.
#
# @param source       where git clones the application from
# @param revision     branch, tag or commit that runs
# @param greeting     what the application says
# @param port         where it listens
# @param threads      how many requests it works on at once
# @param heap         its memory in megabytes
# @param deploy_keys  SSH keys that may log in as its user
class profile::backend (
  String[1]                       $source,
  Pattern[/\A[^"\\\n]*\z/]        $greeting    = 'Hello',
  String[1]                       $revision    = 'main',
  Integer[1024, 65535]            $port        = 8080,
  Integer[1, 256]                 $threads     = 8,
  Integer[32, 4096]               $heap        = 96,
  String[1]                       $user        = 'matchday',
  Array[String[1]]                $packages    = ['openjdk-17-jre-headless', 'clojure', 'leiningen', 'git'],
  Hash[String[1], Struct[{
    type => String[1],
    key  => String[1],
  }]]                             $deploy_keys = {},
) {
  $home      = "/srv/${user}"
  $directory = "${home}/app"
  $config    = "/etc/${user}/config.edn"
  $main      = "${directory}/target/classes/matchday/server.class"

  package { $packages:
    ensure          => installed,
    install_options => ['--no-install-recommends'],
  }

  group { $user:
    ensure => present,
    system => true,
  }
  user { $user:
    ensure     => present,
    system     => true,
    gid        => $user,
    home       => $home,
    managehome => true,
    shell      => '/bin/sh',
    comment    => 'runs the application',
  }

  $deploy_keys.each |String $name, Hash $key| {
    ssh_authorized_key { $name:
      ensure => present,
      user   => $user,
      *      => $key,
    }
  }

  vcsrepo { $directory:
    ensure   => present,
    provider => git,
    source   => $source,
    revision => $revision,
    user     => $user,
    require  => [Package[$packages], User[$user]],
  }

  # A new revision is built from nothing; the first one finds nothing to remove.
  exec { 'remove the old build':
    command     => "rm -rf ${directory}/target",
    path        => '/usr/bin:/bin',
    user        => $user,
    refreshonly => true,
    subscribe   => Vcsrepo[$directory],
  }
  -> exec { 'build the application':
    command     => 'lein -o compile',
    path        => '/usr/bin:/bin',
    cwd         => $directory,
    user        => $user,
    group       => $user,
    environment => ["HOME=${home}", 'LEIN_SILENT=true'],
    creates     => $main,
    logoutput   => on_failure,
    timeout     => 600,
    require     => [Package[$packages], Vcsrepo[$directory]],
    notify      => Service[$user],
  }

  file { "/etc/${user}":
    ensure  => directory,
    group   => $user,
    mode    => '0750',
    require => Group[$user],
  }
  file { $config:
    ensure  => file,
    group   => $user,
    mode    => '0640',
    content => epp('profile/config.edn.epp', {
      'instance' => $trusted['certname'],
      'greeting' => $greeting,
      'port'     => $port,
      'threads'  => $threads,
    }),
    notify  => Service[$user],
  }

  file { "/etc/systemd/system/${user}.service":
    ensure  => file,
    mode    => '0644',
    content => epp('profile/backend.service.epp', {
      'user'      => $user,
      'directory' => $directory,
      'config'    => $config,
      'heap'      => $heap,
    }),
    notify  => Service[$user],
  }

  service { $user:
    ensure  => running,
    enable  => true,
    require => Exec['build the application'],
  }
}
