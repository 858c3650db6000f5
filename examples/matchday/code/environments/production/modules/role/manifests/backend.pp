# A server that answers while a match is on.
class role::backend {
  include profile::base
  include profile::backend
}
