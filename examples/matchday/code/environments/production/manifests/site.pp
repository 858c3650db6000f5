# Every node gets its classes from its security groups: see node_groups.yml.
node default { }
