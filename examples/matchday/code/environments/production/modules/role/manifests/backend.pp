# A server of the application.
class role::backend {
  include profile::base
  include profile::backend

  Class['profile::base'] -> Class['profile::backend']
}
