package story

import "path/filepath"

// Matchday is the story of examples/matchday, whose directory and binary are given.
func Matchday(example, binary string) Params {
	return Params{
		Binary: binary, Example: example, App: filepath.Join(example, "app"),
		BalancerGroup: "loadbalancer", Group: "backend-production", Count: 3, Port: 80,
		InstanceHeader: "X-Instance",
		ChangeFile:     "environments/production/data/common.yaml", ChangeFrom: "Kick-off soon", ChangeTo: "Kick-off now",
		MinRequests: 1000, Subnet: "10.77.0.0/24", HostAddress: "10.77.0.2", GitPort: "8142",
	}
}
