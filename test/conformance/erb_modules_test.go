package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"kickoff/internal/puppet/erb"
	"kickoff/internal/puppet/module"
)

var (
	erbIvar      = regexp.MustCompile(`@([a-z_]\w*)`)
	erbLookup    = regexp.MustCompile(`(scope(?:\.lookupvar)?\s*[\[(]\s*)(['"])(:*)([\w:]+)(['"])`)
	erbHashUse   = `%s(?:\.sort(?:_by)?[^.\n]*)?\.(?:each\w* (?:do|\{) ?\|\w+, ?\w+\||each_pair|keys|has_key|key\?|sort_by)`
	erbListUse   = `%s(?:\.\w+)*\.(?:each|join|sort|map|collect|flatten|compact|uniq)`
	erbNumberUse = `(?:port|count|size|timeout|limit|max|num)`
)

// moduleTemplates are the ERB templates of the installed modules, names of variables of classes made unqualified so that
// both sides can be given them.
func moduleTemplates(t *testing.T) (paths, texts []string) {
	t.Helper()
	out, err := exec.Command("find", "-L", moduleRoot, "-name", "*.erb", "-type", "f").Output()
	if err != nil {
		t.Fatal(err)
	}
	paths = strings.Fields(string(out))
	sort.Strings(paths)
	for _, p := range paths {
		texts = append(texts, erbLookup.ReplaceAllStringFunc(string(read(t, p)), func(s string) string {
			m := erbLookup.FindStringSubmatch(s)
			return m[1] + m[2] + strings.ReplaceAll(m[4], "::", "__") + m[5]
		}))
	}
	return paths, texts
}

// plausible gives the variables that a template uses values that fit their use; variant chooses another world.
func plausible(text string, variant int) map[string]any {
	vars := map[string]any{}
	add := func(name, use string) {
		switch {
		case variant == 1:
			vars[name] = nil
		case variant == 2:
			vars[name] = "v_" + name
		case variant == 3:
			vars[name] = true
		case variant == 4:
			vars[name] = []any{"b_" + name, "a", nil, 7}
		case regexp.MustCompile(fmt.Sprintf(erbHashUse, use)).MatchString(text):
			vars[name] = map[string]any{"k1": "v1", "k2": "v2"}
		case regexp.MustCompile(fmt.Sprintf(erbListUse, use)).MatchString(text):
			vars[name] = []any{"two " + name, "one"}
		case regexp.MustCompile(erbNumberUse).MatchString(name):
			vars[name] = 8080
		case strings.Contains(name, "version"):
			vars[name] = "2.4.10"
		default:
			vars[name] = "value of " + name
		}
	}
	for _, m := range erbIvar.FindAllStringSubmatch(text, -1) {
		add(m[1], "@"+m[1])
	}
	for _, m := range erbLookup.FindAllStringSubmatch(text, -1) {
		add(m[4], regexp.QuoteMeta(m[2]+m[4]+m[5])+`[\])]`)
	}
	return vars
}

// TestERBModules parses every template of the modules and renders it in five worlds on both sides.
func TestERBModules(t *testing.T) {
	requireOracle(t)
	paths, texts := moduleTemplates(t)
	parsed := 0
	for i, p := range paths {
		if _, err := erb.Parse(texts[i]); err != nil {
			t.Logf("not in the subset: %s: %v", p, err)
			continue
		}
		parsed++
	}
	t.Logf("%d of %d templates parse", parsed, len(paths))
	if len(paths) > 0 && parsed*100 < 98*len(paths) {
		t.Errorf("only %d of %d templates parse", parsed, len(paths))
	}
	var cases []erbCase
	var names []string
	for variant := range 5 {
		for i, p := range paths {
			vars, err := json.Marshal(plausible(texts[i], variant))
			if err != nil {
				t.Fatal(err)
			}
			cases = append(cases, erbCase{Vars: vars, Template: texts[i]})
			names = append(names, fmt.Sprintf("%s (world %d)", p, variant))
		}
	}
	compareERB(t, names, cases)
}

// moduleFunction is the error of a call of a function that a module has in Ruby, under its own name.
var moduleFunction = regexp.MustCompile(`Unknown function: '\w+::`)

// modulesEnvironment is an environment with the installed modules.
func modulesEnvironment(t *testing.T) *module.Environment {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "production", "manifests"), 0o755); err != nil {
		t.Fatal(err)
	}
	lib := module.NewLibrary(module.Options{EnvironmentPath: []string{root}, BaseModulePath: []string{moduleRoot}})
	env, err := lib.Environment(t.Context(), "production")
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// compareERB renders the cases on both sides and counts how they agree.
func compareERB(t *testing.T, names []string, cases []erbCase) {
	t.Helper()
	fns, env := erbFunctions(t), modulesEnvironment(t)
	same, bothFail, ruby, refused, differ := 0, 0, 0, 0, 0
	for i, want := range askERB(t, cases) {
		got, err := renderERB(t, fns, env, cases[i])
		switch {
		case want.Error != "" && err != nil:
			bothFail++
			t.Logf("both fail: %s:\n ours %v\n real %s", names[i], err, want.Error)
		case want.Error == "" && err == nil && got == want.Text:
			same++
		case refusedERB(err):
			refused++
			t.Logf("refused: %s: %v", names[i], err)
		case err != nil && moduleFunction.MatchString(err.Error()):
			ruby++
		default:
			differ++
			t.Logf("differs: %s:\n got  %.300q %v\n want %.300q %s", names[i], got, err, want.Text, want.Error)
		}
	}
	t.Logf("%d renderings: %d identical, %d fail on both sides, %d outside of the subset, %d need a module's function in Ruby, %d differ",
		len(cases), same, bothFail, refused, ruby, differ)
	if differ*100 > len(cases) {
		t.Errorf("%d of %d renderings differ", differ, len(cases))
	}
}
