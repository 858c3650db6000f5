package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/compiler"
	"kickoff/internal/puppet/module"
	"kickoff/internal/value"
)

// The goldens below testdata/compile were written by the real Puppet 7.23 with strict=error and strict_variables=true
// (what Puppet 8 does). Each txtar holds many cases:
//
//	NAME.pp         the site's manifest
//	NAME/PATH       another file of the case's environment: NAME/modules/a/manifests/init.pp, NAME/hiera.yaml
//	NAME.json       node, facts, classes, parameters (optional)
//	NAME.want       what Puppet made of it
//
// KICKOFF_CONFORMANCE=1 asks the real Puppet again (package puppet-agent) and compares; -update rewrites the goldens.
var update = flag.Bool("update", false, "let the real Puppet rewrite the goldens (with KICKOFF_CONFORMANCE=1)")

// compileCase is one case with its environment on disk.
type compileCase struct {
	ID         string          `json:"id"`
	Env        string          `json:"env"`
	Node       string          `json:"node,omitempty"`
	Facts      json.RawMessage `json:"facts,omitempty"`
	Classes    json.RawMessage `json:"classes,omitempty"`
	Parameters json.RawMessage `json:"parameters,omitempty"`
	// Line is where our diagnostic points when that is more exact than Puppet's.
	Line  int `json:"line,omitempty"`
	files map[string][]byte
	want  string
	// ourError is what we refused the case with.
	ourError error
}

func TestCompileLikePuppet(t *testing.T) {
	groups, err := filepath.Glob(filepath.Join("testdata", "compile", "*.txtar"))
	if err != nil || len(groups) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range groups {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			cases := readCases(t, archive)
			if os.Getenv("KICKOFF_CONFORMANCE") == "1" {
				askPuppet(t, path, archive, cases)
			}
			for _, c := range cases {
				t.Run(c.ID, func(t *testing.T) {
					if diff := cmp.Diff(c.want, ours(t, c)); diff != "" {
						t.Errorf("catalog of Puppet (-) and ours (+), our error: %v\n%s", c.ourError, diff)
					}
				})
			}
		})
	}
}

// readCases writes the environments of all cases.
func readCases(t *testing.T, archive *txtar.Archive) []*compileCase {
	t.Helper()
	byID := map[string]*compileCase{}
	var cases []*compileCase
	of := func(id string) *compileCase {
		if byID[id] == nil {
			byID[id] = &compileCase{ID: id, files: map[string][]byte{}}
			cases = append(cases, byID[id])
		}
		return byID[id]
	}
	for _, f := range archive.Files {
		id, rest, nested := strings.Cut(f.Name, "/")
		ext := filepath.Ext(id)
		switch {
		case nested:
			of(id).files[rest] = f.Data
		case ext == ".pp":
			of(strings.TrimSuffix(id, ext)).files["manifests/site.pp"] = f.Data
		case ext == ".json":
			if err := json.Unmarshal(f.Data, of(strings.TrimSuffix(id, ext))); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		case ext == ".want":
			of(strings.TrimSuffix(id, ext)).want = string(f.Data)
		}
	}
	base := t.TempDir()
	for _, c := range cases {
		if c.Node == "" {
			c.Node = "node.test"
		}
		c.Env = filepath.Join(base, c.ID, "production")
		for name, data := range c.files {
			path := filepath.Join(c.Env, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return cases
}

// ours compiles a case and describes the result in the form of the goldens.
func ours(t *testing.T, c *compileCase) string {
	t.Helper()
	comp, err := compiler.New(compiler.Options{
		Library: module.NewLibrary(module.Options{EnvironmentPath: []string{filepath.Dir(c.Env)}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := comp.Compile(context.Background(), c.request(t))
	var logs []logLine
	if out != nil {
		for _, l := range out.Logs {
			logs = append(logs, logLine{l.Level, l.Message, l.Source})
		}
	}
	if err != nil {
		c.ourError = err
		return errorText(c, errorLine(err), logs)
	}
	data, err := json.Marshal(out.Catalog)
	if err != nil {
		t.Fatal(err)
	}
	return catalogText(t, c, data, logs)
}

func (c *compileCase) request(t *testing.T) compiler.Request {
	t.Helper()
	host, domain, _ := strings.Cut(c.Node, ".")
	req := compiler.Request{
		Node: c.Node, Environment: "production", Facts: c.hash(t, c.Facts), Parameters: c.hash(t, c.Parameters),
		Trusted: value.HashOf("authenticated", "remote", "certname", c.Node, "extensions", value.NewHash(0), "external",
			value.NewHash(0), "hostname", host, "domain", domain),
		ServerFacts: value.HashOf("serverversion", "7.23.0", "servername", "server.conformance.test", "serverip", "127.0.0.1"),
	}
	for name, params := range c.hash(t, c.Classes).All() {
		h, _ := params.(*value.Hash)
		req.Classes = append(req.Classes, compiler.Class{Name: name.String(), Params: h, Origin: "the test"})
	}
	return req
}

func (c *compileCase) hash(t *testing.T, raw json.RawMessage) *value.Hash {
	t.Helper()
	if len(raw) == 0 {
		return value.NewHash(0)
	}
	v, err := value.ParseJSON(raw)
	if err != nil {
		t.Fatal(err)
	}
	return v.(*value.Hash)
}

type logLine struct{ level, message, source string }

// errorLine is the line that an error names, 0 for none.
func errorLine(err error) int {
	if d, ok := errors.AsType[*diag.Diagnostic](err); ok {
		return d.Range.Start.Line
	}
	if l, ok := errors.AsType[diag.List](err); ok && len(l) > 0 {
		return l[0].Range.Start.Line
	}
	return 0
}

// errorText describes a refusal: only its line is compared, and only where Puppet names one. Puppet's message stands
// in the golden as a comment.
func errorText(c *compileCase, line int, logs []logLine) string {
	golden, _, _ := strings.Cut(c.want, "\n")
	if c.Line != 0 && line == c.Line {
		if m := regexp.MustCompile(`\Aerror at line (\d+)`).FindStringSubmatch(golden); m != nil {
			fmt.Sscan(m[1], &line)
		}
	}
	head := fmt.Sprintf("error at line %d", line)
	if strings.HasPrefix(golden, "error at line 0: ") {
		line = 0
		head = "error at line 0"
	}
	if rest, ok := strings.CutPrefix(golden, head); ok {
		head += rest
	}
	return head + "\n" + logText(logs)
}

func logText(logs []logLine) string {
	var b strings.Builder
	for _, l := range logs {
		if strings.HasPrefix(l.source, "Scope(") {
			fmt.Fprintf(&b, "log %s %s %q\n", l.level, l.source, l.message)
		}
	}
	return b.String()
}

// catalogText writes a catalog as one line per resource and edge, with tags and parameters sorted.
func catalogText(t *testing.T, c *compileCase, data []byte, logs []logLine) string {
	t.Helper()
	var cat struct {
		Tags, Classes []string
		Resources     []struct {
			Type, Title, File, Kind string
			Tags                    []string
			Line                    int
			Exported                bool
			Parameters              map[string]any
			Sensitive               []string `json:"sensitive_parameters"`
		}
		Edges []struct{ Source, Target string }
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&cat); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	slices.Sort(cat.Tags)
	fmt.Fprintf(&b, "classes %s\ntags %s\n", strings.Join(cat.Classes, " "), strings.Join(cat.Tags, " "))
	for _, r := range cat.Resources {
		slices.Sort(r.Tags)
		where := ""
		if r.Line > 0 {
			where = fmt.Sprintf(" at %s:%d", strings.TrimPrefix(r.File, c.Env+"/"), r.Line)
		}
		if r.Exported {
			where += " exported"
		}
		slices.Sort(r.Sensitive)
		if len(r.Sensitive) > 0 {
			where += " sensitive " + strings.Join(r.Sensitive, ",")
		}
		fmt.Fprintf(&b, "%s[%s] %s%s\n  tags %s\n", r.Type, r.Title, r.Kind, where, strings.Join(r.Tags, " "))
		for _, k := range sortedKeys(r.Parameters) {
			v, err := json.Marshal(r.Parameters[k])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "  %s => %s\n", k, v)
		}
	}
	for _, e := range cat.Edges {
		fmt.Fprintf(&b, "%s contains %s\n", e.Source, e.Target)
	}
	return b.String() + logText(logs)
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// place finds the line that Puppet wrote into its message.
var place = regexp.MustCompile(`line: (\d+)`)

// askPuppet lets the real Puppet compile the cases, and compares or rewrites the goldens.
func askPuppet(t *testing.T, path string, archive *txtar.Archive, cases []*compileCase) {
	t.Helper()
	got := runPuppet(t, cases)
	for _, c := range cases {
		switch {
		case got[c.ID] == "":
			t.Errorf("%s: Puppet gave no answer", c.ID)
		case *update:
			setFile(archive, c.ID, got[c.ID])
			c.want = got[c.ID]
		case got[c.ID] != c.want:
			t.Errorf("%s: Puppet says something else than the golden:\n%s", c.ID, cmp.Diff(c.want, got[c.ID]))
		}
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// runPuppet gives what the real Puppet makes of the cases, in the form of the goldens.
func runPuppet(t *testing.T, cases []*compileCase) map[string]string {
	t.Helper()
	var in bytes.Buffer
	for _, c := range cases {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	cmd := exec.CommandContext(t.Context(), "ruby", "compile_oracle.rb")
	cmd.Stdin = &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("run Puppet: %v\n%s", err, stderr.String())
	}
	sc := bufio.NewScanner(bytes.NewReader(out))
	sc.Buffer(nil, 64<<20)
	got := map[string]string{}
	for sc.Scan() {
		id, text := puppetAnswer(t, cases, sc.Bytes())
		got[id] = text
	}
	return got
}

func puppetAnswer(t *testing.T, cases []*compileCase, line []byte) (id, text string) {
	t.Helper()
	var r struct {
		ID      string
		Catalog json.RawMessage
		Error   *struct{ Message string }
		Logs    []struct{ Level, Message, Source string }
	}
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(cases, func(c *compileCase) bool { return c.ID == r.ID })
	var logs []logLine
	for _, l := range r.Logs {
		logs = append(logs, logLine{l.Level, l.Message, l.Source})
	}
	if r.Error == nil {
		return r.ID, catalogText(t, cases[i], r.Catalog, logs)
	}
	n := "0"
	if all := place.FindAllStringSubmatch(r.Error.Message, -1); len(all) > 0 {
		n = all[len(all)-1][1]
	}
	message := strings.ReplaceAll(strings.ReplaceAll(r.Error.Message, cases[i].Env+"/", ""), "\n", " ")
	message = regexp.MustCompile(`0x[0-9a-f]+`).ReplaceAllString(message, "0x")
	return r.ID, "error at line " + n + ": " + message + "\n" + logText(logs)
}

// setFile replaces or inserts NAME.want behind the last file of the case.
func setFile(archive *txtar.Archive, id, text string) {
	last := -1
	for i, f := range archive.Files {
		if f.Name == id+".want" {
			archive.Files[i].Data = []byte(text)
			return
		}
		if strings.HasPrefix(f.Name, id+"/") || f.Name == id+".pp" || f.Name == id+".json" {
			last = i
		}
	}
	archive.Files = slices.Insert(archive.Files, last+1, txtar.File{Name: id + ".want", Data: []byte(text)})
}
