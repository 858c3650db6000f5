package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"kickoff/internal/catalog"
	"kickoff/internal/fact"
	"kickoff/internal/report"
	"kickoff/internal/wire"
)

// maxSwitches is how often a server may name another environment in one run.
const maxSwitches = 4

// said is an error in Puppet's own words, which people know and search for.
type said string

// Error gives the words.
func (s said) Error() string { return string(s) }

func saying(format string, args ...any) error { return said(fmt.Sprintf(format, args...)) }

const errNoCatalog said = "Could not retrieve catalog; skipping run"

// catalog gets the catalog: from the server, or from the cache if the settings want it or allow it.
func (r *run) catalog(ctx context.Context) (*catalog.Catalog, error) {
	j := r.a.journal
	started := r.a.now()
	defer func() { r.times["config_retrieval"] = r.a.now().Sub(started).Seconds() }()
	if r.local != nil {
		return r.local.Compile(ctx, r.facts(ctx), r.environment)
	}
	if r.conf.Bool("use_cached_catalog") && !r.ordered {
		cat, err := r.cached()
		if err == nil {
			r.report.CachedCatalogStatus = report.CatalogExplicitlyRequest
			j.say("notice", "Using cached catalog from environment '"+cat.Environment+"'")
			return cat, nil
		}
		j.say("info", "No usable cached catalog: "+err.Error())
	}
	cat, err := r.fetch(ctx)
	if err == nil {
		return cat, nil
	}
	j.say("err", "Could not retrieve catalog from remote server: "+err.Error())
	if !r.conf.Bool("usecacheonfailure") || r.ordered || ctx.Err() != nil {
		j.say("warning", "Not using cache on failed catalog")
		return nil, errNoCatalog
	}
	cat, err = r.cached()
	if err != nil {
		j.say("debug", "No usable cached catalog: "+err.Error())
		return nil, errNoCatalog
	}
	r.environment = cat.Environment
	r.report.CachedCatalogStatus = report.CatalogOnFailure
	j.say("notice", "Using cached catalog from environment '"+cat.Environment+"'")
	return cat, nil
}

func (r *run) cached() (*catalog.Catalog, error) {
	text, err := readIfExists(r.catalogCache())
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, errors.New("there is none")
	}
	var cat catalog.Catalog
	if err := json.Unmarshal(text, &cat); err != nil {
		return nil, err
	}
	return &cat, nil
}

// fetch asks for a catalog until the server agrees with the environment.
func (r *run) fetch(ctx context.Context) (*catalog.Catalog, error) {
	j := r.a.journal
	j.say("debug", "Not retrieving plugins: this agent runs no Ruby")
	j.say("info", "Loading facts")
	facts := r.facts(ctx)
	for range maxSwitches {
		text, err := r.ask(ctx, facts)
		if err != nil {
			return nil, err
		}
		var cat catalog.Catalog
		if err := json.Unmarshal(text, &cat); err != nil {
			return nil, err
		}
		if cat.Environment == r.environment || cat.Environment == "" {
			return &cat, r.cache(text)
		}
		if r.conf.Bool("strict_environment_mode") {
			return nil, fmt.Errorf("environment '%s' is not the one that the server specifies, '%s', and strict_environment_mode is set", r.environment, cat.Environment)
		}
		j.say("notice", fmt.Sprintf("Local environment: '%s' doesn't match server specified environment '%s', restarting agent run with environment '%s'",
			r.environment, cat.Environment, cat.Environment))
		r.environment = cat.Environment
	}
	return nil, fmt.Errorf("catalog environment didn't stabilize after %d fetches, aborting run", maxSwitches)
}

// ask posts the facts and gives the catalog's text.
func (r *run) ask(ctx context.Context, facts *fact.Facts) ([]byte, error) {
	text, err := json.Marshal(facts)
	if err != nil {
		return nil, fmt.Errorf("encode facts: %w", err)
	}
	// The facts are percent-encoded by themselves, and once more as part of the form: real agents do, and servers
	// decode twice. The inner code must not write spaces as plus signs.
	inner := strings.ReplaceAll(url.QueryEscape(string(text)), "+", "%20")
	form := url.Values{
		"facts_format": {wire.MediaJSON}, "facts": {inner}, "environment": {r.environment},
		"configured_environment": {r.environment}, "check_environment": {"true"},
		"transaction_uuid": {r.report.TransactionUUID}, "job_uuid": {""}, "static_catalog": {"false"},
		"checksum_type": {"sha256.sha384.sha512.sha224.md5"},
	}
	answer, err := r.client.do(ctx, call{
		method: http.MethodPost, path: wire.PathCatalog + r.name, query: url.Values{"environment": {r.environment}},
		body: []byte(form.Encode()), contentType: wire.MediaForm, accept: wire.MediaRichJSON + ", " + wire.MediaJSON,
	})
	if status, ok := errors.AsType[*statusError](err); ok {
		return nil, saying("Error %d on SERVER: %s", status.code, status.message())
	}
	return answer, err
}

// cache keeps the catalog's text for a time when the server cannot be reached.
func (r *run) cache(text []byte) error {
	r.a.journal.say("info", "Caching catalog for "+r.name)
	if err := writeFile(r.catalogCache(), text, 0o600); err != nil {
		return fmt.Errorf("cache catalog: %w", err)
	}
	return nil
}

// send gives the report to the server.
func (r *run) send(ctx context.Context) {
	if !r.conf.Bool("report") || r.client == nil {
		return
	}
	text, err := json.Marshal(r.report)
	if err == nil {
		_, err = r.client.do(ctx, call{
			method: http.MethodPut, path: wire.PathReport + r.name, query: url.Values{"environment": {r.environment}},
			body: text, contentType: wire.MediaJSON, accept: wire.MediaJSON + ", " + wire.MediaPSON,
		})
	}
	if err != nil {
		r.a.journal.say("err", "Could not send report: "+err.Error())
	}
}
