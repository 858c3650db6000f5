package metadata

import (
	"maps"
	"slices"
	"strings"
)

// leaves is everything a version has, by path.
func (s *Service) leaves(i Instance) (map[string]string, error) {
	subnet := s.options.Subnet.String()
	domain := "amazonaws.com"
	meta := map[string]string{
		"ami-id": i.ImageID, "ami-launch-index": "0", "ami-manifest-path": "(unknown)",
		"hostname": i.Hostname, "local-hostname": i.Hostname, "local-ipv4": i.IP.String(),
		"instance-action": "none", "instance-id": i.ID, "instance-life-cycle": "on-demand", "instance-type": i.Type,
		"mac": i.MAC, "placement/availability-zone": i.Zone, "placement/region": i.Region(),
		"reservation-id": "r-" + strings.TrimPrefix(i.ID, "i-"), "security-groups": strings.Join(i.SecurityGroups, "\n"),
		"services/domain": domain, "services/partition": "aws",
	}
	nic := "network/interfaces/macs/" + i.MAC + "/"
	for key, value := range map[string]string{
		"device-number": "0", "interface-id": "eni-" + strings.TrimPrefix(i.ID, "i-"), "local-hostname": i.Hostname,
		"local-ipv4s": i.IP.String(), "mac": i.MAC, "owner-id": s.options.AccountID,
		"security-groups": meta["security-groups"], "security-group-ids": groupIDs(i.SecurityGroups),
		"subnet-id": "subnet-local", "subnet-ipv4-cidr-block": subnet, "vpc-id": "vpc-local",
		"vpc-ipv4-cidr-block": subnet, "vpc-ipv4-cidr-blocks": subnet,
	} {
		meta[nic+key] = value
	}
	for key, value := range i.Tags {
		if !strings.Contains(key, "/") && key != "." && key != ".." { // as EC2: such a tag is not in the metadata
			meta["tags/instance/"+key] = value
		}
	}
	all := map[string]string{}
	for key, value := range meta {
		all["meta-data/"+key] = value
	}
	if len(i.UserData) > 0 {
		all["user-data"] = string(i.UserData)
	}
	identity, err := s.options.Signer.identity(i, s.options.AccountID)
	if err != nil {
		return nil, err
	}
	for key, value := range identity {
		all["dynamic/instance-identity/"+key] = value
	}
	return all, nil
}

// groupIDs makes up stable ids for security groups that have only names.
func groupIDs(names []string) string {
	ids := make([]string, 0, len(names))
	for _, name := range names {
		ids = append(ids, "sg-"+shortHash(name))
	}
	return strings.Join(ids, "\n")
}

// find returns a leaf, or the listing of a directory: one name per line,
// directories with a slash, no newline at the end.
func find(leaves map[string]string, name string) ([]byte, bool) {
	if content, ok := leaves[name]; ok {
		return []byte(content), true
	}
	prefix := name + "/"
	if name == "" {
		prefix = ""
	}
	names := map[string]bool{}
	for key := range leaves {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			first, _, deeper := strings.Cut(rest, "/")
			if deeper {
				first += "/"
			}
			names[first] = true
		}
	}
	if len(names) == 0 {
		return nil, false
	}
	return []byte(strings.Join(slices.Sorted(maps.Keys(names)), "\n")), true
}
