// Package arch holds the rule of who may import whom, and the test that enforces it.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers lists the rooms of the house from bottom to top. A package may import packages of lower layers, and of its
// own layer only where the table allow says so. The longest matching prefix gives a package's layer.
var layers = [][]string{
	{"diag"},
	{"value"},
	{"catalog", "fact", "puppet/syntax", "fleet/instance"},
	{"resource", "report", "wire", "config", "api"},
	{"puppet/types", "agent/provider", "fleet/cloud", "fleet/balancer", "fleet/calendar", "localcloud"},
	{"puppet/module", "fleet/userdata", "agent/collect", "agent/balancer", "fleet/plan"},
	{"fleet/simulate"},
	{"puppet/eval", "fleet/simulate"},
	{"puppet/hiera", "puppet/template", "puppet/erb"},
	{"puppet/function", "agent/apply"},
	{"puppet/compiler", "agent", "server/pki", "server/node"},
	{"server/enroll", "server/enc", "server/files", "server/channel"},
	{"server", "fleet", "server/control"},
	{"store", "console"},
	{"cli"},
}

// allow names the imports inside one layer: a contract and its implementations, an engine and its rooms.
var allow = map[string][]string{
	"resource":       {},
	"report":         {},
	"agent/provider": {"agent/provider"},
	"fleet/cloud":    {"fleet/cloud", "localcloud"},
	"fleet/balancer": {"fleet/balancer"},
	"fleet/calendar": {"fleet/calendar"},
	"localcloud":     {"localcloud"},
}

// forbidden are imports that the layers would allow and the design does not.
var forbidden = map[string][]string{
	"puppet":     {"agent", "server", "fleet", "store", "localcloud"},
	"agent":      {"puppet/compiler", "server", "fleet", "store", "localcloud"},
	"fleet/plan": {"store", "fleet/cloud", "fleet/balancer", "fleet/calendar/feed"},
	"server":     {"agent", "store", "localcloud"},
	"fleet":      {"agent", "store"},
	"localcloud": {"fleet", "server", "agent", "puppet"},
}

const module = "kickoff/internal/"

func TestImportRules(t *testing.T) {
	root := filepath.Join("..", "..", "internal")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		checkFile(t, path, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkFile(t *testing.T, path, pkg string) {
	from, room := layerOf(pkg)
	if from < 0 {
		t.Errorf("%s: package %s has no layer: add it to the table in test/arch, and to ARCHITECTURE.md", path, pkg)
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, imp := range file.Imports {
		name, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		target, ok := strings.CutPrefix(name, module)
		if !ok {
			continue
		}
		to, toRoom := layerOf(target)
		switch {
		case banned(pkg, target):
			t.Errorf("%s: %s must not import %s", path, pkg, target)
		case to > from, to == from && !slices.Contains(allow[room], toRoom):
			t.Errorf("%s: %s (layer %d) must not import %s (layer %d): imports go downwards only", path, pkg, from, target, to)
		}
	}
}

// layerOf gives the layer of a package, and the name of its room in the table.
func layerOf(pkg string) (int, string) {
	layer, room := -1, ""
	for i, names := range layers {
		for _, name := range names {
			if within(pkg, name) && len(name) > len(room) {
				layer, room = i, name
			}
		}
	}
	return layer, room
}

func banned(pkg, target string) bool {
	for prefix, targets := range forbidden {
		if !within(pkg, prefix) {
			continue
		}
		for _, f := range targets {
			if within(target, f) && !within(pkg, f) {
				return true
			}
		}
	}
	return false
}

func within(pkg, prefix string) bool { return pkg == prefix || strings.HasPrefix(pkg, prefix+"/") }

func TestNoInitFunctions(t *testing.T) {
	for _, dir := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			src, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if strings.Contains(string(src), "\nfunc init()") {
				t.Errorf("%s: init() hides registration; use an explicit table", path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
