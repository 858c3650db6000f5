// Package node holds what the server remembers about the nodes that it serves.
package node

import (
	"errors"
	"time"
)

// ErrNotFound says that nothing is remembered under a name.
var ErrNotFound = errors.New("not found")

// Record is what is known of a node besides its certificate.
type Record struct {
	Certname    string
	Environment string
	FirstSeen   time.Time
	LastSeen    time.Time
	// ArchivedAt is when the node was retired; zero while it lives.
	ArchivedAt time.Time
	// Of the last catalog that was served.
	CatalogAt   time.Time
	CatalogUUID string
	CodeID      string
	// Of the last report. ReportCodeID is the code of the catalog that the run applied.
	ReportAt     time.Time
	ReportID     int64
	ReportStatus string
	ReportCodeID string
}

// Report is a stored report.
type Report struct {
	ID              int64
	Certname        string
	Environment     string
	ReceivedAt      time.Time
	StartedAt       time.Time
	Status          string
	Noop            bool
	TransactionUUID string
	CatalogUUID     string
	CodeID          string
	ConfigVersion   string
	// Problem is what went wrong first, for people; empty if nothing did.
	Problem string
	// JSON is the report as it was sent. Lists do not fill it.
	JSON []byte
}

// Exported is a resource that a node offers to others.
type Exported struct {
	Environment string
	// Type is capitalised.
	Type     string
	Title    string
	Certname string
	// JSON is a catalog of this one resource, in the form of the wire.
	JSON []byte
}
