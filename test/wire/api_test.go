package wire

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kickoff/internal/server"
	"kickoff/internal/server/enc"
	protocol "kickoff/internal/wire"
)

func (c *client) catalog(name, env string, more url.Values) response {
	c.w.t.Helper()
	facts := fmt.Sprintf(`{"name":%q,"values":{"demo_fact":"df & <x>+%%20"},"timestamp":"2026-11-22T17:24:39Z"}`, name)
	form := url.Values{"environment": {env}, "facts_format": {"application/json"}, "facts": {url.PathEscape(facts)}, "transaction_uuid": {"11111111-1111-1111-1111-111111111111"}}
	maps.Copy(form, more)
	return c.do("POST", protocol.PathCatalog+name+"?environment="+env, map[string]string{
		"Content-Type": protocol.MediaForm, "Accept": protocol.MediaRichJSON,
	}, []byte(form.Encode()))
}

func TestCatalogIsStoredWithFactsAndReport(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("i-1")
	r := n.catalog("i-1", "mini", nil)
	if r.status != 200 {
		t.Fatalf("got %+v", r)
	}
	contains(t, r.body, `a df \u0026 \u003cx\u003e+%20 i-1`)
	f, err := w.store.Facts(t.Context(), "i-1")
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := f.Values.GetString("demo_fact"); v.String() != "df & <x>+%20" {
		t.Errorf("fact is %v", v)
	}
	rec, err := w.store.Node(t.Context(), "i-1")
	if err != nil || len(rec.CodeID) != 64 {
		t.Fatalf("%+v, %v", rec, err)
	}
	report := `{"host":"i-1","time":"2026-11-22T17:24:34Z","configuration_version":1,"transaction_uuid":"11111111-1111-1111-1111-111111111111",` +
		`"report_format":12,"status":"changed","environment":"mini"}`
	if r := n.put(protocol.PathReport+"i-1?environment=mini", protocol.MediaJSON, []byte(report)); r.status != 200 || r.body != `["store"]` {
		t.Fatalf("got %+v", r)
	}
	after, err := w.store.Node(t.Context(), "i-1")
	if err != nil || after.ReportStatus != "changed" || after.ReportCodeID != rec.CodeID {
		t.Errorf("a report does not know its code: %+v, %v", after, err)
	}
	stored, err := w.store.Report(t.Context(), after.ReportID)
	if err != nil || string(stored.JSON) != report || len(w.seen.reports) != 1 {
		t.Errorf("%+v, %v", stored, err)
	}
}

func TestANodeSeesOnlyItself(t *testing.T) {
	w := newWorld(t, nil)
	n, nobody := w.node("i-1"), w.client(nil)
	for _, c := range []struct {
		who    *client
		method string
		path   string
	}{
		{n, "POST", protocol.PathCatalog + "i-2?environment=mini"},
		{n, "GET", protocol.PathCatalog + "i-2?environment=mini"},
		{n, "GET", protocol.PathNode + "i-2?environment=mini"},
		{n, "PUT", protocol.PathReport + "i-2?environment=mini"},
		{n, "PUT", protocol.PathFacts + "i-2?environment=mini"},
		{n, "GET", protocol.PathCertificateList + "all"},
		{n, "PUT", protocol.PathCertificateStatus + "i-1"},
		{n, "DELETE", protocol.PathCertificateStatus + "i-2"},
		{n, "PUT", protocol.PathCAClean},
		{nobody, "POST", protocol.PathCatalog + "i-1?environment=mini"},
		{nobody, "GET", protocol.PathFileContent + "modules/demo/s.txt?environment=mini"},
		{nobody, "GET", protocol.PathFileMetadatas + "plugins?environment=mini"},
		{nobody, "POST", protocol.PathChannel},
		{nobody, "PUT", protocol.PathFileBucket + "sha256/x"},
	} {
		r := c.who.do(c.method, c.path, nil, []byte("{}"))
		p, _, _ := strings.Cut(c.path, "?")
		want := "Forbidden request: " + p + " (method :" + strings.ToLower(c.method) + "). Please see the server logs for details."
		if r.status != 403 || r.body != want {
			t.Errorf("%s %s: %d %q", c.method, c.path, r.status, r.body)
		}
	}
}

func TestEnvironmentSwitch(t *testing.T) {
	w := newWorld(t, nil)
	w.must(os.WriteFile(w.groups, []byte("web:\n  environment: mini\n  classes:\n    demo: {root: /srv/x}\n"), 0o644))
	w.must(os.WriteFile(filepath.Join(w.code, "environments/mini/manifests/site.pp"), nil, 0o644))
	w.inventory["i-1"] = enc.Instance{ID: "i-1", SecurityGroups: []string{"web"}}
	n := w.node("i-1")
	type catalog struct {
		Environment string
		Resources   []any
		Edges       []any
	}
	read := func(r response) (c catalog) {
		t.Helper()
		if err := json.Unmarshal([]byte(r.body), &c); err != nil || r.status != 200 {
			t.Fatalf("%d %s: %v", r.status, r.body, err)
		}
		return c
	}
	check := url.Values{"check_environment": {"true"}}
	if c := read(n.catalog("i-1", "production", check)); c.Environment != "mini" || len(c.Resources) != 0 || len(c.Edges) != 0 {
		t.Errorf("first: %+v", c)
	}
	r := n.catalog("i-1", "mini", check)
	if c := read(r); c.Environment != "mini" || len(c.Resources) == 0 {
		t.Errorf("second: %+v", c)
	}
	contains(t, r.body, `/srv/x/a`)
	// Who does not ask gets the right catalog at once.
	if c := read(n.catalog("i-1", "production", nil)); c.Environment != "mini" || len(c.Resources) == 0 {
		t.Errorf("without check: %+v", c)
	}
	// An environment that does not exist, and no classification: the default one, complete.
	m := w.node("i-2")
	if c := read(m.catalog("i-2", "nosuchenv", check)); c.Environment != "production" || len(c.Resources) == 0 {
		t.Errorf("unknown environment: %+v", c)
	}
}

func TestErrorsOfCodeAndClassificationNameTheirPlace(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("i-1")
	w.inventory["i-1"] = enc.Instance{ID: "i-1", SecurityGroups: []string{"web", "app"}}
	site := filepath.Join(w.code, "environments/mini/manifests/site.pp")
	for _, c := range []struct {
		what, groups, site string
		want               []string
	}{
		{"unknown class", "web:\n  classes:\n    role::nope:\n", "", []string{"role::nope", "group web", "node_groups.yml:3:5"}},
		{"conflict", "web:\n  parameters: {a: 1}\napp:\n  parameters: {a: 2}\n", "", []string{"group web", "group app", "node_groups.yml:2:16", "node_groups.yml:4:16"}},
		{"syntax error in groups", "web:\n  classes: {\n", "", []string{"node_groups.yml"}},
		{"syntax error in code", "--- {}\n", "node default {\n  notify { 'x' \n}\n", []string{"site.pp", "3"}},
		{"failure in code", "--- {}\n", "fail('boom')", []string{"boom", "site.pp", "1"}},
	} {
		w.must(os.WriteFile(w.groups, []byte(c.groups), 0o644))
		w.must(os.WriteFile(site, []byte(c.site), 0o644))
		r := n.catalog("i-1", "mini", nil)
		if r.status != 500 {
			t.Errorf("%s: got %+v", c.what, r)
		}
		contains(t, r.body, append(c.want, "Server Error: ", `"issue_kind":"RUNTIME_ERROR"`)...)
	}
	w.must(os.WriteFile(w.groups, []byte("--- {}\n"), 0o644))
	w.must(os.WriteFile(site, []byte("include demo"), 0o644))
	if r := n.catalog("i-1", "mini", nil); r.status != 200 {
		t.Errorf("after mending: %+v", r)
	}
}

func TestCompilationsAreBounded(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.Compiles, c.Waiting = 1, 1 })
	n := w.node("i-1")
	hold := make(chan struct{})
	w.compiler.hold = hold
	var wg sync.WaitGroup
	answers := make(chan response, 4)
	for range 4 {
		wg.Go(func() { answers <- n.catalog("i-1", "mini", nil) })
	}
	refused := 0
	for range 2 {
		select {
		case r := <-answers:
			if r.status != 503 || r.header.Get("Retry-After") == "" {
				t.Errorf("got %+v", r)
			}
			refused++
		case <-time.After(10 * time.Second):
			t.Fatal("nobody was refused")
		}
	}
	w.compiler.mu.Lock()
	w.compiler.hold = nil
	w.compiler.mu.Unlock()
	close(hold)
	wg.Wait()
	for range 2 {
		if r := <-answers; r.status != 200 {
			t.Errorf("got %+v", r)
		}
	}
}

func TestFileBucket(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("i-1")
	sum := sha256.Sum256([]byte("changed\n"))
	path := protocol.PathFileBucket + "sha256/" + hex.EncodeToString(sum[:]) + "//srv/puppet/a?environment=mini"
	if r := n.do("HEAD", path, nil, nil); r.status != 404 {
		t.Errorf("got %+v", r)
	}
	for range 2 {
		if r := n.put(path, protocol.MediaOctets, []byte("changed\n")); r.status != 200 {
			t.Errorf("got %+v", r)
		}
	}
	if r := n.do("HEAD", path, nil, nil); r.status != 200 {
		t.Errorf("got %+v", r)
	}
	if r := n.get(path); r.status != 200 || r.body != "changed\n" {
		t.Errorf("got %+v", r)
	}
	if r := n.put(path, protocol.MediaOctets, []byte("other")); r.status != 400 {
		t.Errorf("wrong content: %+v", r)
	}
	if r := n.get(protocol.PathFileBucket + "md5/x/y?environment=mini"); r.status != 400 {
		t.Errorf("md5: %+v", r)
	}
}

func TestBinary(t *testing.T) {
	dir := t.TempDir()
	program := bytes.Repeat([]byte("kickoff "), 4096)
	file := filepath.Join(dir, "program")
	if err := os.WriteFile(file, program, 0o755); err != nil {
		t.Fatal(err)
	}
	binaries, err := server.NewBinaryStore(filepath.Join(dir, "binaries"))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := binaries.Add(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *server.Config) { c.Binaries = binaries })
	c := w.client(nil)
	path := protocol.PathBinary + digest + "?launch=l-1"
	packed := map[string]string{"Accept-Encoding": "gzip"}
	// Before it is packed, and after.
	for _, encoding := range []string{"", "gzip"} {
		if r := c.get(path); r.status != 200 || r.body != string(program) {
			t.Errorf("plain: %d, %d bytes", r.status, len(r.body))
		}
		r := c.do("GET", path, packed, nil)
		if r.header.Get("Content-Encoding") != encoding {
			t.Errorf("encoding %q, want %q", r.header.Get("Content-Encoding"), encoding)
		}
		if err := binaries.Pack(digest); err != nil {
			t.Fatal(err)
		}
		if encoding == "" {
			continue
		}
		z, err := gzip.NewReader(strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, program) || len(r.body) > len(program)/10 {
			t.Errorf("packed: %d bytes on the wire, %v", len(r.body), err)
		}
	}
	for _, bad := range []string{strings.Repeat("0", 64), "..", "x", digest + ".gz", strings.ToUpper(digest)} {
		if r := c.get(protocol.PathBinary + bad); r.status == 200 {
			t.Errorf("%s: %+v", bad, r)
		}
	}
	if len(w.seen.fetched) == 0 || w.seen.fetched[0] != "l-1" {
		t.Errorf("told %v", w.seen.fetched)
	}
}

func TestChannel(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("i-1")
	poll := func(body string) (out protocol.ChannelResponse) {
		t.Helper()
		r := n.do("POST", protocol.PathChannel, nil, []byte(body))
		if err := json.Unmarshal([]byte(r.body), &out); err != nil || r.status != 200 {
			t.Fatalf("%+v: %v", r, err)
		}
		return out
	}
	if out := poll(`{"wait":"0s"}`); out.Commands == nil || len(out.Commands) != 0 {
		t.Errorf("got %+v", out)
	}
	result := make(chan error, 1)
	var got protocol.RunResult
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		result <- w.hub.Call(ctx, "i-1", protocol.KindRun, protocol.RunArgs{RunID: "r1"}, &got)
	}()
	out := poll(`{"wait":"20s"}`)
	if len(out.Commands) != 1 || out.Commands[0].Kind != protocol.KindRun {
		t.Fatalf("got %+v", out)
	}
	poll(fmt.Sprintf(`{"wait":"0s","results":[{"id":%q,"ok":true,"output":{"run_id":"r1","status":"changed","exit_code":2}}]}`, out.Commands[0].ID))
	if err := <-result; err != nil || got.ExitCode != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{`{`, `{"wait":"-1s"}`, `{"wait":"x"}`, `[]`} {
		if r := n.do("POST", protocol.PathChannel, nil, []byte(bad)); r.status != 400 {
			t.Errorf("%s: %+v", bad, r)
		}
	}
}

func TestGzip(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("i-1")
	big := filepath.Join(w.code, "environments/mini/modules/demo/files/big")
	w.must(os.WriteFile(big, bytes.Repeat([]byte("big "), 10000), 0o644))
	for _, accept := range []string{"", "gzip", "gzip;q=1.0,deflate;q=0.6,identity;q=0.3", "gzip;q=0"} {
		r := n.do("GET", protocol.PathFileContent+"modules/demo/big?environment=mini", map[string]string{"Accept-Encoding": accept}, nil)
		if want := accept != "" && !strings.HasSuffix(accept, "q=0"); (r.header.Get("Content-Encoding") == "gzip") != want || r.status != 200 {
			t.Errorf("%q: %v", accept, r.header)
		}
	}
}
