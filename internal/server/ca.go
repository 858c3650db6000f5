package server

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kickoff/internal/server/enroll"
	"kickoff/internal/server/pki"
	"kickoff/internal/wire"
)

func (s *Server) getCACertificate(w http.ResponseWriter, r *http.Request) error {
	write(w, r, http.StatusOK, wire.MediaText, s.Authority.Bundle())
	return nil
}

func (s *Server) getCRL(w http.ResponseWriter, r *http.Request) error {
	text, modified := s.Authority.CRL()
	w.Header().Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
	if since, err := http.ParseTime(r.Header.Get("If-Modified-Since")); err == nil && !modified.Truncate(time.Second).After(since) {
		w.Header().Set("Content-Type", wire.MediaText)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	write(w, r, http.StatusOK, wire.MediaText, text)
	return nil
}

func (s *Server) getCertificate(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	text, err := s.Registrar.Certificate(r.Context(), name)
	if errors.Is(err, enroll.ErrNoCertificate) {
		return writeText(w, r, http.StatusNotFound, "Could not find certificate "+name)
	}
	if err != nil {
		return err
	}
	return writeText(w, r, http.StatusOK, text)
}

func (s *Server) getCertificateRequest(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	text, err := s.Registrar.Request(r.Context(), name)
	if errors.Is(err, enroll.ErrNoRequest) {
		return writeText(w, r, http.StatusNotFound, "Could not find certificate_request "+name)
	}
	if err != nil {
		return err
	}
	return writeText(w, r, http.StatusOK, text)
}

// putCertificateRequest answers in the words that agents know: 200 for a request that is taken (whether it is signed is
// seen by asking for the certificate), 400 for one that is ignored or malformed, 403 for one that is refused.
func (s *Server) putCertificateRequest(w http.ResponseWriter, r *http.Request) error {
	if !s.enrolments.allow(remote(r)) {
		w.Header().Set("Retry-After", "10")
		return writeText(w, r, http.StatusTooManyRequests, "too many certificate requests from "+remote(r))
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	d, err := s.Registrar.Submit(r.Context(), r.PathValue("name"), body, remote(r))
	if err != nil {
		return err
	}
	switch {
	case d.Verdict == enroll.Refuse && (d.Reason == enroll.ReasonMalformed || d.Reason == enroll.ReasonAltNames):
		return writeText(w, r, http.StatusBadRequest, d.Detail)
	case d.Verdict == enroll.Refuse:
		return writeText(w, r, http.StatusForbidden, d.Detail)
	case d.Reason == enroll.ReasonKnownRequest:
		return writeText(w, r, http.StatusBadRequest, d.Detail)
	}
	w.Header().Set("Content-Type", wire.MediaText)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}

// certificateStatus is one entry of the authority's list on the wire (23-ca-api.txt).
type certificateStatus struct {
	Name         string            `json:"name"`
	State        string            `json:"state"`
	DNSAltNames  []string          `json:"dns_alt_names"`
	AltNames     []string          `json:"subject_alt_names"`
	Extensions   map[string]string `json:"authorization_extensions"`
	Fingerprint  string            `json:"fingerprint"`
	Fingerprints map[string]string `json:"fingerprints"`
	NotAfter     string            `json:"not_after,omitempty"`
	NotBefore    string            `json:"not_before,omitempty"`
	Serial       json.Number       `json:"serial_number,omitempty"`
}

func statusOf(e enroll.Entry) (certificateStatus, error) {
	st := certificateStatus{
		Name: e.Name, State: string(e.State), DNSAltNames: []string{}, AltNames: []string{}, Extensions: map[string]string{},
		Serial: json.Number(e.Serial),
	}
	block, _ := pem.Decode([]byte(e.PEM))
	if block == nil {
		return st, fmt.Errorf("%s: what is stored is no PEM block", e.Name)
	}
	sha1Sum, sha256Sum, sha512Sum := sha1.Sum(block.Bytes), sha256.Sum256(block.Bytes), sha512.Sum512(block.Bytes)
	st.Fingerprints = map[string]string{
		"SHA1": colons(sha1Sum[:]), "SHA256": colons(sha256Sum[:]), "SHA512": colons(sha512Sum[:]), "default": colons(sha256Sum[:]),
	}
	st.Fingerprint = st.Fingerprints["SHA256"]
	if e.State == enroll.Requested {
		return st, nil
	}
	const layout = "2006-01-02T15:04:05MST"
	st.NotAfter, st.NotBefore = e.NotAfter.UTC().Format(layout), e.NotBefore.UTC().Format(layout)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return st, fmt.Errorf("%s: decode stored certificate: %w", e.Name, err)
	}
	for _, n := range cert.DNSNames {
		st.DNSAltNames = append(st.DNSAltNames, "DNS:"+n)
	}
	st.AltNames = st.DNSAltNames
	if pki.IsAdmin(cert) {
		st.Extensions["pp_cli_auth"] = "true"
	}
	return st, nil
}

func colons(sum []byte) string {
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

func (s *Server) listCertificateStatuses(w http.ResponseWriter, r *http.Request) error {
	entries, err := s.Registrar.List(r.Context(), "")
	if err != nil {
		return err
	}
	want := r.URL.Query().Get("state")
	list := []certificateStatus{}
	for _, e := range entries {
		if e.PEM == "" || (want != "" && want != string(e.State)) {
			continue
		}
		st, err := statusOf(e)
		if err != nil {
			return err
		}
		list = append(list, st)
	}
	return writeJSON(w, r, http.StatusOK, list)
}

func (s *Server) getCertificateStatus(w http.ResponseWriter, r *http.Request) error {
	entries, err := s.Registrar.List(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.PEM == "" {
			continue
		}
		st, err := statusOf(e)
		if err != nil {
			return err
		}
		return writeJSON(w, r, http.StatusOK, st)
	}
	return resourceNotFound(w, r)
}

func resourceNotFound(w http.ResponseWriter, r *http.Request) error {
	write(w, r, http.StatusNotFound, wire.MediaJSONUTF8, []byte("Resource not found."))
	return nil
}

func (s *Server) putCertificateStatus(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	var want struct {
		State string `json:"desired_state"`
	}
	if err := json.Unmarshal(body, &want); err != nil {
		return badRequest("the body is no JSON: %v", err)
	}
	name := r.PathValue("name")
	switch want.State {
	case "signed":
		err = s.Registrar.SignByHand(r.Context(), name, "certificate "+peer(r).Subject.CommonName)
	case "revoked":
		err = s.Registrar.Revoke(r.Context(), name)
	default:
		return badRequest("State %s invalid; Must specify desired state of 'signed' or 'revoked' for host %s.", want.State, name)
	}
	switch {
	case errors.Is(err, enroll.ErrNoRequest), errors.Is(err, enroll.ErrNoCertificate):
		return resourceNotFound(w, r)
	case err != nil:
		return writeText(w, r, http.StatusConflict, err.Error())
	}
	w.Header().Set("Content-Type", wire.MediaText)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) deleteCertificateStatus(w http.ResponseWriter, r *http.Request) error {
	err := s.Registrar.Clean(r.Context(), r.PathValue("name"))
	if errors.Is(err, enroll.ErrNoCertificate) {
		return resourceNotFound(w, r)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", wire.MediaJSONUTF8)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) putClean(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	var want struct {
		Certnames []string `json:"certnames"`
	}
	if err := json.Unmarshal(body, &want); err != nil {
		return badRequest("the body is no JSON: %v", err)
	}
	missing := []string{}
	for _, name := range want.Certnames {
		// As with Puppet's server, a name that had only a request is cleaned and still named (23-ca-api.txt #1870).
		err := s.Registrar.Revoke(r.Context(), name)
		if errors.Is(err, enroll.ErrNoCertificate) {
			missing, err = append(missing, name), nil
		}
		if err == nil {
			err = s.Registrar.Clean(r.Context(), name)
		}
		if err != nil && !errors.Is(err, enroll.ErrNoCertificate) {
			return err
		}
	}
	if len(missing) == 0 {
		return writeText(w, r, http.StatusOK, "Successfully cleaned all certs.")
	}
	names, err := json.Marshal(missing)
	if err != nil {
		return err
	}
	return writeText(w, r, http.StatusOK, "The following certs do not exist and cannot be revoked: "+string(names))
}

func (s *Server) getExpirations(w http.ResponseWriter, r *http.Request) error {
	const layout = "2006-01-02T15:04:05MST"
	out := map[string]map[string]string{"ca-certs": {}, "crls": {}}
	for name, t := range s.Authority.Expirations() {
		out["ca-certs"][name] = t.UTC().Format(layout)
	}
	text, _ := s.Authority.CRL()
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return fmt.Errorf("decode revocation list: %w", err)
		}
		out["crls"][list.Issuer.CommonName] = list.NextUpdate.UTC().Format(layout)
	}
	return writeJSON(w, r, http.StatusOK, out)
}
