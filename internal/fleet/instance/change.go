package instance

import "time"

// Change is everything that must be remembered together: a store commits it in
// one transaction or not at all.
type Change struct {
	At time.Time
	// Instances and Groups replace what is stored under the same launch id or name.
	Instances []*Instance
	Groups    []GroupState
	// Events are appended; the store numbers them.
	Events []Event
	// Decisions are kept as records.
	Decisions []DecisionRecord
	// IssueToken stores the hash of a launch's one-time token.
	IssueToken *EnrolmentToken
	// Bind ties the token of a launch to the instance that the cloud gave.
	Bind []Binding
	// Retire ends identities: certificates revoked, exports withdrawn, node archived, token void.
	Retire []Retirement
}

// EnrolmentToken is what is stored of a one-time token.
type EnrolmentToken struct {
	LaunchID string
	Hash     string
	Expires  time.Time
}

// Binding says which instance a launch became.
type Binding struct{ LaunchID, ID string }

// Retirement is the end of an identity. ID is empty for a launch that the
// cloud never accepted.
type Retirement struct {
	LaunchID, ID string
	Reason       string
}

// DecisionRecord is why a group has the size it has.
type DecisionRecord struct {
	At    time.Time `json:"at"`
	Group string    `json:"group"`
	// Record is the decision's JSON: inputs, the rule that won, those that lost.
	Record []byte `json:"record"`
}

// Node is what the server knows of an instance's agent.
type Node struct {
	Certname string
	// CertificateAt is when its certificate was issued; zero without one.
	CertificateAt time.Time
	// CatalogAt is when it was last given a catalog; zero if never.
	CatalogAt time.Time
	// Run is the last run that was no rehearsal.
	Run Run
}
