# Classes come from node_groups.yml; what is here holds for every node.
File {
  owner => 'root',
  group => 'root',
}

node default {
}
