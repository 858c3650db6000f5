# The server in front of the others.
class role::loadbalancer {
  include profile::base
  include profile::loadbalancer

  Class['profile::base'] -> Class['profile::loadbalancer']
}
