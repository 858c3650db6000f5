# The machine in front of the backends.
class role::loadbalancer {
  include profile::base
  include profile::loadbalancer
}
