package server

import (
	"cmp"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"kickoff/internal/fact"
	"kickoff/internal/puppet/module"
	"kickoff/internal/report"
	"kickoff/internal/server/node"
	"kickoff/internal/server/pki"
	"kickoff/internal/value"
	"kickoff/internal/wire"
)

// Names of Puppet's registered certificate extensions below their arc.
var registeredExtensions = []string{
	"", "pp_uuid", "pp_instance_id", "pp_image_name", "pp_preshared_key", "pp_cost_center", "pp_product", "pp_project",
	"pp_application", "pp_service", "pp_employee", "pp_created_by", "pp_environment", "pp_role", "pp_software_version",
	"pp_department", "pp_cluster", "pp_provisioner", "pp_region", "pp_datacenter", "pp_zone", "pp_network",
	"pp_securitypolicy", "pp_cloudplatform", "pp_apptier", "pp_hostname",
}

var authorizationExtensions = map[string]string{"1": "pp_authorization", "13": "pp_auth_role", "39": "pp_cli_auth"}

// trusted makes the variable $trusted of a client's certificate.
func trusted(cert *x509.Certificate) *value.Hash {
	name := ""
	extensions := value.NewHash(0)
	if cert != nil {
		name = cert.Subject.CommonName
		for id, v := range pki.Extensions(cert) {
			extensions.SetString(extensionName(id), value.String(v))
		}
	}
	hostname, domain, _ := strings.Cut(name, ".")
	var dom value.Value = value.Undef{}
	if domain != "" {
		dom = value.String(domain)
	}
	return value.HashOf("authenticated", "remote", "certname", name, "extensions", extensions,
		"hostname", hostname, "domain", dom, "external", value.NewHash(0))
}

func extensionName(id string) string {
	if n, ok := strings.CutPrefix(id, wire.OIDPuppetRegistered+"."); ok {
		if i, err := strconv.Atoi(n); err == nil && i > 0 && i < len(registeredExtensions) {
			return registeredExtensions[i]
		}
	}
	if n, ok := strings.CutPrefix(id, wire.OIDPuppetAuthorization+"."); ok && authorizationExtensions[n] != "" {
		return authorizationExtensions[n]
	}
	return id
}

// serverFacts makes the variable $server_facts.
func (s *Server) serverFacts(env string) *value.Hash {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return value.HashOf("servername", host, "serverversion", wire.PuppetVersion, "environment", env)
}

func logLevel(puppet string) slog.Level {
	switch puppet {
	case "debug":
		return slog.LevelDebug
	case "warning":
		return slog.LevelWarn
	case "err", "alert", "emerg", "crit":
		return slog.LevelError
	}
	return slog.LevelInfo
}

// environment reads the parameter that most GET requests must have, and finds it (21-v3-misc.txt).
func (s *Server) environment(r *http.Request) (*module.Environment, error) {
	name := r.URL.Query().Get("environment")
	if name == "" {
		return nil, badRequest("An environment parameter must be specified")
	}
	env, err := s.Environments.Environment(r.Context(), name)
	if unknown, ok := errors.AsType[*module.UnknownError](err); ok {
		return nil, &problem{
			status: http.StatusNotFound, message: "Not Found: Could not find environment '" + unknown.Name + "'",
			issue: wire.IssueRuntime, cause: err,
		}
	}
	if err != nil {
		return nil, serverError(err, "%v", err)
	}
	return env, nil
}

func (s *Server) getNode(w http.ResponseWriter, r *http.Request) error {
	env, err := s.environment(r)
	if err != nil {
		return err
	}
	cr := &catalogRequest{name: r.PathValue("name"), requested: env.Name, trusted: trusted(peer(r))}
	class, name, err := s.classify(r.Context(), cr)
	if err != nil {
		return serverError(err, "%v", err)
	}
	facts, err := s.storedFacts(r.Context(), cr.name)
	if err != nil {
		return err
	}
	classes := value.NewHash(len(class.Classes))
	for _, c := range class.Classes {
		params := c.Parameters
		if params == nil {
			params = value.NewHash(0)
		}
		classes.SetString(c.Name, params)
	}
	parameters := facts.Values.Merge(class.Parameters, value.HashOf("trusted", cr.trusted))
	body := value.AppendJSON(nil, value.HashOf("name", cr.name, "environment", name, "parameters", parameters, "classes", classes))
	write(w, r, http.StatusOK, wire.MediaJSONUTF8, body)
	return nil
}

func (s *Server) putFacts(w http.ResponseWriter, r *http.Request) error {
	env, err := s.environment(r)
	if err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	f := &fact.Facts{}
	if err := json.Unmarshal(body, f); err != nil {
		return badRequest("%v", err)
	}
	if name := r.PathValue("name"); f.Name != name {
		return badRequest("the facts of %q cannot be stored as those of %q", f.Name, name)
	}
	if err := s.Store.PutFacts(r.Context(), f, env.Name, s.Now()); err != nil {
		return err
	}
	return writeJSON(w, r, http.StatusOK, "")
}

func (s *Server) putReport(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	// Agents send reports with the environment that they applied, also when it is gone meanwhile.
	env := r.URL.Query().Get("environment")
	if env == "" {
		return badRequest("An environment parameter must be specified")
	}
	var rep report.Report
	if err := json.Unmarshal(body, &rep); err != nil {
		return badRequest("decode report: %v", err)
	}
	if rep.Host != name {
		return badRequest("the report of %q cannot be stored as that of %q", rep.Host, name)
	}
	switch rep.Status {
	case "changed", "unchanged", "failed":
	default:
		return badRequest("the report has the status %.40q", rep.Status)
	}
	stored, err := s.Store.PutReport(r.Context(), node.Report{
		Certname: name, Environment: cmp.Or(rep.Environment, env), ReceivedAt: s.Now(), StartedAt: rep.Time,
		Status: rep.Status, Noop: rep.Noop, TransactionUUID: rep.TransactionUUID, CatalogUUID: rep.CatalogUUID,
		CodeID: rep.CodeID, ConfigVersion: string(rep.ConfigurationVersion),
		Problem: rep.Problem(), JSON: body,
	})
	if err != nil {
		return err
	}
	s.Log.Info("report", "certname", name, "status", rep.Status, "environment", rep.Environment, "code_id", stored.CodeID,
		"noop", rep.Noop, "age", s.Now().Sub(rep.Time).Round(time.Second))
	if s.Observer != nil {
		s.Observer.Reported(r.Context(), stored)
	}
	return writeJSON(w, r, http.StatusOK, []string{"store"})
}

func (s *Server) getEnvironments(w http.ResponseWriter, r *http.Request) error {
	names, err := s.Environments.Names()
	if err != nil {
		return err
	}
	all := map[string]any{}
	for _, name := range names {
		env, err := s.Environments.Environment(r.Context(), name)
		if err != nil {
			return serverError(err, "%v", err)
		}
		all[name] = map[string]any{"settings": map[string]any{
			"modulepath": env.ModulePath, "manifest": env.Dir + "/manifests", "environment_timeout": 0, "config_version": env.ConfigVersion,
		}}
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"search_paths": []string{}, "environments": all})
}

func (s *Server) getStatus(w http.ResponseWriter, r *http.Request) error {
	write(w, r, http.StatusOK, wire.MediaText+";charset=utf-8", []byte("running"))
	return nil
}
