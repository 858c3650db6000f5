package wire

import (
	"encoding/json"
	"encoding/pem"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// different lists where our answers differ from the recorded ones, with the reason. Keys are "METHOD path" without query,
// or with it where that matters.
var different = map[string]string{
	"GET /status/v1/services":                                     "the JVM's services are not ours",
	"GET /status/v1/services/server":                              "the JVM's services are not ours",
	"GET /puppet/v3/environments":                                 "not the oracle's environments and search path",
	"GET /puppet/v3/environment_classes":                          "not served yet",
	"GET /puppet/v3/environment_modules":                          "not served yet",
	"GET /puppet/v3/environment_transports":                       "not served yet",
	"GET /puppet/v3/tasks":                                        "not served yet",
	"GET /puppet/v3/plans":                                        "not served yet",
	"POST /puppet/v4/catalog":                                     "not served yet",
	"GET /puppet/v3/node/agent02.test":                            "our node has another set of parameters",
	"GET /puppet/v3/static_file_content/modules/demo/files/s.txt": "code ids are content hashes here, and the recorded one is none",
	"GET /":                                "Jetty's page",
	"GET /production/catalog/agent02.test": "Jetty's page",
	"GET /v2.0/environments":               "Jetty's page",
	"PUT /puppet-ca/v1/certificate_request/bad.test":   "400 with words instead of 500 with a Java exception",
	"PUT /puppet-ca/v1/certificate_request/other.test": "a request for another name is refused, and not because the name in it is known",
	"GET /puppet-ca/v1/certificate_statuses/all":       "the oracle has other certificates",
	"GET /puppet-ca/v1/expirations":                    "there are two authorities",
}

// before runs what happened at the oracle between two recorded requests.
var before = map[string]func(w *world){
	"#876": func(w *world) { w.must(w.registrar.SignByHand(w.t.Context(), "agent02.test", "autosign")) },
}

// TestReplay sends the requests of the recorded conversations and compares the answers.
func TestReplay(t *testing.T) {
	w := newWorld(t, nil)
	admin := w.client(&w.tls)
	agent := w.node("agent02.helper") // replaced below once agent02.test has a certificate of ours
	known := w.client(nil)
	for _, file := range []string{"03-first-run-mini.txt", "20-status.txt", "21-v3-misc.txt", "22-catalog-variants.txt", "23-ca-api.txt"} {
		for _, e := range readTranscript(t, file) {
			if f := before[e.id]; f != nil {
				f(w)
				w.must(w.registrar.Clean(t.Context(), "agent02.test"))
				agent = w.node("agent02.test")
			}
			c := map[string]*client{"": known, "agent02.test": agent, "puppetmaster.oracle.test": admin}[e.client]
			if c == nil {
				t.Fatalf("%s: no client for %q", e.id, e.client)
			}
			replay(t, c, file, e)
		}
	}
}

func replay(t *testing.T, c *client, file string, e exchange) {
	t.Helper()
	path, _, _ := strings.Cut(e.path, "?")
	if different[e.method+" "+path] != "" {
		return
	}
	body := e.body
	switch {
	case e.form:
		body = e.formBody()
	case e.header["Content-Type"] == "text/plain":
		body += "\n"
	case strings.Contains(e.path, "/report/"):
		body = `{"host":"agent02.test","time":"2026-11-22T17:24:34.388927674+00:00","configuration_version":1795368279,` +
			`"transaction_uuid":"f49d0ebf-f785-456d-857c-917d8b0006dc","report_format":12,"puppet_version":"7.23.0","status":"changed",` +
			`"transaction_completed":true,"noop":false,"noop_pending":false,"environment":"mini","logs":[],"metrics":{},"resource_statuses":{}}`
	}
	header := map[string]string{}
	for k, v := range e.header {
		if k != "Host" && k != "Content-Length" && k != "Accept-Encoding" {
			header[k] = v
		}
	}
	// Times of the recording are in the future or the past of this test.
	if since := header["If-Modified-Since"]; since != "" && e.status == 304 {
		header["If-Modified-Since"] = "Fri, 01 Jan 2100 00:00:00 GMT"
	} else if since != "" {
		header["If-Modified-Since"] = "Thu, 01 Jan 2015 00:00:00 GMT"
	}
	got := c.do(e.method, e.path, header, []byte(body))
	where := file + " " + e.id + " " + e.method + " " + e.path
	if got.status != e.status {
		t.Errorf("%s: status %d, want %d; body %.300s", where, got.status, e.status, got.body)
		return
	}
	if want, have := media(e.reply["Content-Type"]), media(got.header.Get("Content-Type")); want != have && got.status != 204 && got.status != 304 {
		t.Errorf("%s: content type %q, want %q", where, have, want)
	}
	if e.reply["X-Puppet-Version"] != "" && got.header.Get("X-Puppet-Version") == "" {
		t.Errorf("%s: no X-Puppet-Version", where)
	}
	compareBody(t, where, e, got.body)
}

func media(s string) string { return strings.ReplaceAll(strings.ToLower(s), "; ", ";") }

// volatile are parts of bodies that differ from run to run and from machine to machine.
var volatile = regexp.MustCompile(`"(version|catalog_uuid|code_id|path|owner|group)":("[^"]*"|\d+|null)|\{ctime\}[^"]*`)

func compareBody(t *testing.T, where string, e exchange, got string) {
	t.Helper()
	switch {
	case e.trimmed:
		return
	case strings.HasSuffix(e.path, "/san.test"):
		contains(t, got, "CSR 'san.test' contains extra subject alternative names (DNS:foo), which are disallowed")
	case strings.HasPrefix(e.answer, "-----BEGIN"):
		want, _ := pem.Decode([]byte(e.answer))
		if have, _ := pem.Decode([]byte(got)); have == nil || have.Type != want.Type {
			t.Errorf("%s: got %.200s, want a %s", where, got, want.Type)
		}
	case strings.Contains(e.path, "/catalog/") && e.status == 200:
		compareCatalog(t, where, e.answer, got)
	case strings.Contains(e.path, "certificate_status") && e.status == 200:
		want, have := shape(e.answer), shape(got)
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s:\n%s", where, diff)
		}
	case strings.Contains(e.path, "file_metadatas") && e.status == 200:
		compareSets(t, where, e.answer, got)
	default:
		want, have := volatile.ReplaceAllString(e.answer, "~"), volatile.ReplaceAllString(strings.TrimSuffix(got, "\n"), "~")
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s:\n%s", where, diff)
		}
	}
}

// compareSets compares lists of metadata without their order.
func compareSets(t *testing.T, where, want, got string) {
	t.Helper()
	set := func(text string) map[string]any {
		var list []map[string]any
		if err := json.Unmarshal([]byte(volatile.ReplaceAllStringFunc(text, func(s string) string {
			if strings.HasPrefix(s, "{ctime}") {
				return "{ctime}~"
			}
			name, _, _ := strings.Cut(s, ":")
			return name + `:"~"`
		})), &list); err != nil {
			t.Errorf("%s: %v: %.300s", where, err, text)
		}
		out := map[string]any{}
		for _, md := range list {
			out[md["relative_path"].(string)] = md
		}
		return out
	}
	if diff := cmp.Diff(set(want), set(got)); diff != "" {
		t.Errorf("%s:\n%s", where, diff)
	}
}

// compareCatalog compares the resources' references and parameters, and the catalog's own fields.
func compareCatalog(t *testing.T, where, want, got string) {
	t.Helper()
	type catalog struct {
		Name, Environment string
		Format            int      `json:"catalog_format"`
		Classes           []string `json:"classes"`
		Tags              []string `json:"tags"`
		Resources         []struct {
			Type, Title string
			Parameters  map[string]any
			Line        int
			Kind        string
			Exported    bool
		}
		Edges []struct{ Source, Target string }
	}
	var a, b catalog
	if err := json.Unmarshal([]byte(want), &a); err != nil {
		t.Errorf("%s: recorded: %v", where, err)
		return
	}
	if err := json.Unmarshal([]byte(got), &b); err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	for _, c := range []*catalog{&a, &b} {
		slices.Sort(c.Tags) // a set
		for _, r := range c.Resources {
			// Facts and extensions of the recording's certificate are not those of this test.
			if _, ok := r.Parameters["content"]; ok {
				r.Parameters["content"] = "~"
			}
		}
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("%s:\n%s", where, diff)
	}
	if diff := cmp.Diff(topKeys(want), topKeys(got)); diff != "" {
		t.Errorf("%s: fields:\n%s", where, diff)
	}
}

func topKeys(text string) any {
	m, _ := shape(text).(map[string]any)
	out := map[string]bool{}
	for k := range m {
		out[k] = true
	}
	return out
}
