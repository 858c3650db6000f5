package wire

// The states that a server of a backend may be told to be in.
const (
	// ServerStandby takes no traffic but is health checked, so that its health is known before it enters.
	ServerStandby = "standby"
	// ServerReady takes traffic while its checks pass.
	ServerReady = "ready"
	// ServerDrain finishes what it has and takes nothing new.
	ServerDrain = "drain"
)

// BalancerSync is the complete wanted state of one backend. It is level-triggered: a node that gets it brings
// configuration file and running process to exactly this state, and may get the same again at any time. Servers that
// are not listed are removed.
type BalancerSync struct {
	Backend string `json:"backend"`
	// Port is where the servers listen.
	Port    int              `json:"port"`
	Check   BalancerCheck    `json:"check"`
	Servers []BalancerServer `json:"servers"`
}

// BalancerCheck says how the balancer finds out whether a server is healthy.
type BalancerCheck struct {
	Path string `json:"path"`
	// Inter is the interval, in HAProxy's syntax (2s, 500ms).
	Inter string `json:"inter"`
	// Rise and Fall are how many checks in a row change the opinion.
	Rise int `json:"rise"`
	Fall int `json:"fall"`
}

// BalancerServer is one wanted server.
type BalancerServer struct {
	// Name is the instance id.
	Name    string `json:"name"`
	Address string `json:"address"`
	// State is ServerStandby, ServerReady or ServerDrain.
	State string `json:"state"`
}

// BalancerStatus is what the running balancer says about one backend.
type BalancerStatus struct {
	Backend string                 `json:"backend"`
	Servers []BalancerServerStatus `json:"servers"`
}

// BalancerServerStatus is what the running balancer says about one server.
type BalancerServerStatus struct {
	Name string `json:"name"`
	// State is the administrative state: standby, ready, drain or maint.
	State string `json:"state"`
	// CheckStatus is HAProxy's word for the last check (L7OK, L4CON, INI).
	CheckStatus string `json:"check_status"`
	// Up says that the health checks pass, whatever the administrative state.
	Up bool `json:"up"`
	// Sessions are those open now.
	Sessions int `json:"sessions"`
}
