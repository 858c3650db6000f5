// Package wire holds what a kickoff server and its agents must agree on byte for byte: paths, media types, headers,
// and the JSON forms of Puppet's v3 HTTP API and of the node channel. It holds no behaviour beyond reading and writing
// these forms.
package wire

// Paths of Puppet's certificate authority API. Those that end in a slash are followed by a certname.
const (
	PathCACertificate      = "/puppet-ca/v1/certificate/ca"
	PathCertificate        = "/puppet-ca/v1/certificate/"
	PathCRL                = "/puppet-ca/v1/certificate_revocation_list/ca"
	PathCertificateRequest = "/puppet-ca/v1/certificate_request/"
	PathCertificateStatus  = "/puppet-ca/v1/certificate_status/"
	PathCertificateList    = "/puppet-ca/v1/certificate_statuses/"
	PathCAExpirations      = "/puppet-ca/v1/expirations"
	PathCAClean            = "/puppet-ca/v1/clean"
)

// Paths of Puppet's v3 API. Those that end in a slash are followed by a certname or by mount/path.
const (
	PathCatalog           = "/puppet/v3/catalog/"
	PathNode              = "/puppet/v3/node/"
	PathFacts             = "/puppet/v3/facts/"
	PathReport            = "/puppet/v3/report/"
	PathFileMetadata      = "/puppet/v3/file_metadata/"
	PathFileMetadatas     = "/puppet/v3/file_metadatas/"
	PathFileContent       = "/puppet/v3/file_content/"
	PathFileBucket        = "/puppet/v3/file_bucket_file/"
	PathStaticFileContent = "/puppet/v3/static_file_content/"
	PathStatus            = "/status/v1/simple"
)

// Paths of kickoff's own node-facing API.
const (
	// PathBinary is followed by the lower-case hexadecimal SHA-256 of a kickoff binary. No client certificate is needed:
	// a machine that is being born has none.
	PathBinary = "/kickoff/v1/binary/"
	// PathChannel is the long poll that a node keeps open over its certificate.
	PathChannel = "/kickoff/v1/channel"
)

// Headers.
const (
	// HeaderPuppetVersion names the protocol version on every request and response. A 7.x agent treats a server
	// without it as too old for the locales mount.
	HeaderPuppetVersion = "X-Puppet-Version"
	// PuppetVersion is the version of Puppet's protocol that this release speaks.
	PuppetVersion = "8.10.0"
)

// Media types.
const (
	MediaText     = "text/plain"
	MediaJSON     = "application/json"
	MediaJSONUTF8 = "application/json;charset=utf-8"
	MediaRichJSON = "application/vnd.puppet.rich+json"
	MediaPSON     = "text/pson"
	MediaOctets   = "application/octet-stream"
	MediaForm     = "application/x-www-form-urlencoded"
)

// The object identifiers that mean something in a certificate request or a certificate.
const (
	// OIDChallengePassword carries the one-time enrolment token (PKCS#9).
	OIDChallengePassword = "1.2.840.113549.1.9.7"
	// OIDPuppetRegistered is the arc of Puppet's registered extensions (pp_role and so on).
	OIDPuppetRegistered = "1.3.6.1.4.1.34380.1.1"
	// OIDPuppetPrivate is the arc for a site's own extensions.
	OIDPuppetPrivate = "1.3.6.1.4.1.34380.1.2"
	// OIDPuppetAuthorization is the arc of extensions that grant rights (pp_authorization, pp_auth_role, pp_cli_auth).
	OIDPuppetAuthorization = "1.3.6.1.4.1.34380.1.3"
	// OIDPuppetCLIAuth makes the holder an administrator of the certificate authority.
	OIDPuppetCLIAuth = "1.3.6.1.4.1.34380.1.3.39"
)

// Issue kinds of JSON error bodies.
const (
	IssueRuntime           = "RUNTIME_ERROR"
	IssueResourceNotFound  = "RESOURCE_NOT_FOUND"
	IssueUnsupportedFormat = "UNSUPPORTED_FORMAT"
)

// Error is the JSON body of a failed v3 request.
type Error struct {
	Message   string `json:"message"`
	IssueKind string `json:"issue_kind"`
}
