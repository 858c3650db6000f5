package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kickoff/internal/agent/provider"
	"kickoff/internal/catalog"
	"kickoff/internal/report"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// recorder is a provider that writes down when it was at which resource.
type recorder struct {
	mu     sync.Mutex
	clock  int
	begun  map[string]int
	ended  map[string]int
	count  map[string]int
	fails  map[string]bool
	active int
	most   int
}

func newRecorder() *recorder {
	return &recorder{begun: map[string]int{}, ended: map[string]int{}, count: map[string]int{}, fails: map[string]bool{}}
}

func (p *recorder) Check(_ context.Context, r *provider.Resource) ([]provider.Change, error) {
	p.mu.Lock()
	p.clock++
	p.begun[r.Ref.String()] = p.clock
	p.count[r.Ref.String()]++
	p.active++
	p.most = max(p.most, p.active)
	p.mu.Unlock()
	return []provider.Change{{
		Property: "content", Previous: value.String("a"), Desired: value.String("b"), Apply: func(context.Context) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.active--
			p.clock++
			p.ended[r.Ref.String()] = p.clock
			if p.fails[r.Ref.String()] {
				return errors.New("it was to fail")
			}
			return nil
		},
	}}, nil
}

func (p *recorder) all() map[string]provider.Provider {
	return map[string]provider.Provider{"file": p, "exec": p, "package": p}
}

func ref(typ, title string) catalog.Ref { return catalog.Ref{Type: typ, Title: title} }

func res(typ, title string, params ...any) *catalog.Resource {
	r := &catalog.Resource{Ref: ref(typ, title), Kind: "compilable_type", Tags: []string{strings.ToLower(typ)}}
	if typ == "Class" || typ == "Stage" {
		r.Kind = "class"
	}
	for i := 0; i+1 < len(params); i += 2 {
		r.SetParam(params[i].(string), value.FromGo(params[i+1]))
	}
	return r
}

// drawCatalog makes a catalog of files, execs and packages in classes, whose relationships follow a hidden order, so
// that they contradict nothing.
func drawCatalog(t *rapid.T) (*catalog.Catalog, map[string][]string) {
	classes := rapid.IntRange(1, 4).Draw(t, "classes")
	cat := &catalog.Catalog{Resources: []*catalog.Resource{res("Stage", "main")}}
	for c := range classes {
		cat.Resources = append(cat.Resources, res("Class", fmt.Sprintf("C%d", c)))
		cat.Edges = append(cat.Edges, catalog.Edge{Source: ref("Stage", "main"), Target: ref("Class", fmt.Sprintf("C%d", c))})
	}
	n := rapid.IntRange(0, 25).Draw(t, "resources")
	hidden := rapid.Permutation(slices.Collect(seq(n))).Draw(t, "hidden")
	types := []string{"File", "File", "Exec", "Package", "Anchor"}
	refs := make([]catalog.Ref, n)
	for i := range n {
		typ := rapid.SampledFrom(types).Draw(t, "type")
		refs[i] = ref(typ, fmt.Sprintf("/r%d", i))
		r := res(typ, refs[i].Title)
		cat.Resources = append(cat.Resources, r)
		cat.Edges = append(cat.Edges, catalog.Edge{
			Source: ref("Class", fmt.Sprintf("C%d", rapid.IntRange(0, classes-1).Draw(t, "class"))), Target: refs[i],
		})
	}
	before := map[string][]string{}
	for range rapid.IntRange(0, 3*n).Draw(t, "edges") {
		i, j := rapid.IntRange(0, n-1).Draw(t, "from"), rapid.IntRange(0, n-1).Draw(t, "to")
		if hidden[i] >= hidden[j] {
			continue
		}
		before[refs[j].String()] = append(before[refs[j].String()], refs[i].String())
		owner, name, other := j, "require", refs[i]
		if rapid.Bool().Draw(t, "before") {
			owner, name, other = i, "before", refs[j]
		}
		addReference(cat.Resources[1+classes+owner], name, other)
	}
	return cat, before
}

func addReference(r *catalog.Resource, name string, other catalog.Ref) {
	list := []value.Value{value.String(other.String())}
	if old, ok := r.Param(name); ok {
		list = append(list, old.(*value.Array).Elems()...)
	}
	r.SetParam(name, value.NewArray(list...))
}

func seq(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func TestOrderProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cat, before := drawCatalog(t)
		p := newRecorder()
		for _, r := range cat.Resources {
			p.fails[r.Ref.String()] = rapid.IntRange(0, 9).Draw(t, "fails") == 0
		}
		ordering := rapid.SampledFrom([]string{OrderManifest, OrderGraph}).Draw(t, "ordering")
		workers := rapid.IntRange(1, 6).Draw(t, "workers")
		result, err := Run(t.Context(), cat, Options{
			Types: resource.Builtin(), Providers: p.all(), Workers: workers, Ordering: ordering,
		})
		if err != nil {
			t.Fatal(err)
		}
		if p.most > workers {
			t.Fatalf("%d at once, %d workers", p.most, workers)
		}
		for _, r := range cat.Resources {
			if r.Kind == "class" {
				continue
			}
			if r.Type == "Anchor" {
				p.count[r.Ref.String()] = 1
				p.fails[r.Ref.String()] = false
				if result.Statuses[r.Ref.String()].Skipped {
					p.count[r.Ref.String()] = 0
				}
				continue
			}
			checkEvaluated(t, r.Ref.String(), before, p, result)
		}
	})
}

// checkEvaluated checks that a resource was evaluated once, after all that it depends on, or skipped because one of
// those failed or was skipped.
func checkEvaluated(t *rapid.T, name string, before map[string][]string, p *recorder, result *Result) {
	status := result.Statuses[name]
	blocked := false
	for _, b := range before[name] {
		blocked = blocked || result.Statuses[b].Failed || result.Statuses[b].Skipped
		if p.count[name] > 0 && p.begun[name] < p.ended[b] && p.begun[name] > 0 {
			t.Fatalf("%s began before %s ended", name, b)
		}
	}
	if status.Skipped != blocked || (p.count[name] == 1) == blocked {
		t.Fatalf("%s: skipped %v, blocked %v, evaluated %d times", name, status.Skipped, blocked, p.count[name])
	}
	if status.Failed != (!blocked && p.fails[name]) {
		t.Fatalf("%s: failed %v", name, status.Failed)
	}
}

// TestManifestOrder checks that resources that may disturb each other are worked on in the order of the manifest.
func TestManifestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cat, _ := drawCatalog(t)
		g, err := buildGraph(cat, resource.Builtin())
		if err != nil {
			t.Fatal(err)
		}
		if err := g.sequence(); err != nil {
			t.Fatal(err)
		}
		p := newRecorder()
		if _, err := Run(t.Context(), cat, Options{Types: resource.Builtin(), Providers: p.all()}); err != nil {
			t.Fatal(err)
		}
		last := ""
		for _, n := range g.order {
			if n.ref.Type != "Exec" {
				continue
			}
			if last != "" && p.begun[n.ref.String()] < p.ended[last] {
				t.Fatalf("%s began before %s ended", n.ref, last)
			}
			last = n.ref.String()
		}
	})
}

func TestCyclesAreFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cat, before := drawCatalog(t)
		var name string
		for after := range before {
			name = max(name, after)
		}
		if name == "" {
			t.Skip("no relationship")
		}
		after, err := catalog.ParseRef(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range cat.Resources {
			if r.Ref.String() == before[name][0] {
				addReference(r, "require", after)
			}
		}
		_, err = Run(t.Context(), cat, Options{Types: resource.Builtin(), Providers: newRecorder().all()})
		cycle, ok := errors.AsType[*CycleError](err)
		if !ok || len(cycle.Cycles) == 0 {
			t.Fatalf("got %v", err)
		}
		for _, c := range cycle.Cycles {
			if len(c) < 3 || c[0] != c[len(c)-1] {
				t.Fatalf("%v is no cycle", c)
			}
		}
	})
}

func TestBadCatalogs(t *testing.T) {
	for want, cat := range map[string]*catalog.Catalog{
		"could not find dependency Notify[b] for Notify[a]": {Resources: []*catalog.Resource{res("Notify", "a", "require", "Notify[b]")}},
		"twice":                             {Resources: []*catalog.Resource{res("Notify", "a"), res("Notify", "a")}},
		"no parameter named":                {Resources: []*catalog.Resource{res("Notify", "a", "colour", "red")}},
		"Parameter mode failed on File[/x]": {Resources: []*catalog.Resource{res("File", "/x", "mode", "999")}},
		"it is no class or define": {
			Resources: []*catalog.Resource{res("Notify", "a"), res("Notify", "b")},
			Edges:     []catalog.Edge{{Source: ref("Notify", "a"), Target: ref("Notify", "b")}},
		},
	} {
		if _, _, err := logged(t, cat, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestAutorequireGivesWay checks that the parent directory comes first, unless the code says otherwise.
func TestAutorequireGivesWay(t *testing.T) {
	for _, c := range []struct {
		resources []*catalog.Resource
		want      []string
	}{
		{[]*catalog.Resource{res("File", "/a/b"), res("File", "/a")}, []string{"File[/a]", "File[/a/b]"}},
		{[]*catalog.Resource{res("File", "/a/b", "before", "File[/a]"), res("File", "/a")}, []string{"File[/a/b]", "File[/a]"}},
	} {
		g, err := buildGraph(&catalog.Catalog{Resources: c.resources}, resource.Builtin())
		if err != nil {
			t.Fatal(err)
		}
		if err := g.sequence(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range g.order {
			got = append(got, n.ref.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("got %v, want %v", got, c.want)
		}
	}
}

// batcher makes its changes together.
type batcher struct {
	recorder
	batches [][]string
	leave   string
}

func (*batcher) Lock() string { return "apt" }

func (*batcher) CanBatch(*provider.Resource, provider.Change) bool { return true }

func (p *batcher) Batch(_ context.Context, rs []*provider.Resource, _ []provider.Change) []error {
	errs := make([]error, len(rs))
	var names []string
	for i, r := range rs {
		switch r.Ref.Title {
		case p.leave:
			errs[i] = provider.ErrNotBatched
		case "broken":
			errs[i] = errors.New("no such package")
		}
		names = append(names, r.Ref.Title)
	}
	p.batches = append(p.batches, names)
	return errs
}

func TestBatch(t *testing.T) {
	p := &batcher{recorder: *newRecorder(), leave: "b"}
	cat := &catalog.Catalog{Resources: []*catalog.Resource{
		res("Package", "a"), res("Package", "b"), res("Package", "broken"), res("Notify", "n"), res("Package", "c", "require", "Package[a]"),
		res("Package", "d", "require", "Package[broken]"),
	}}
	log, result, err := logged(t, cat, Options{Providers: map[string]provider.Provider{"package": p, "notify": notifyFake{}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.batches) != 2 || len(p.batches[0]) != 3 || len(p.batches[1]) != 1 {
		t.Errorf("batches %v", p.batches)
	}
	if p.ended["Package[b]"] == 0 || p.ended["Package[a]"] != 0 {
		t.Error("what was left undone was not made by its own change, or the other way round")
	}
	if !result.Statuses["Package[broken]"].Failed || !result.Statuses["Package[d]"].Skipped || !result.Statuses["Package[c]"].Changed {
		t.Errorf("log:\n%s", log)
	}
}

// TestSecretsAreRedacted looks for a secret in everything that a run says.
func TestSecretsAreRedacted(t *testing.T) {
	secret := "hunter2-secret"
	r := res("File", "/x")
	r.SetParam("content", value.NewSensitive(value.String(secret+"\n")))
	p := checkFunc(func(r *provider.Resource) ([]provider.Change, error) {
		r.Report(provider.Line{Message: "wrote " + secret})
		return []provider.Change{
			{Property: "content", Previous: value.String(secret), Desired: value.String(secret), Diff: "+" + secret, Message: "is " + secret,
				Apply: func(context.Context) error { return errors.New("cannot write " + secret) }},
			{Property: "mode", Previous: value.String(secret), Desired: value.String("0644"), Diff: "+" + secret,
				Apply: func(context.Context) error { return nil }},
		}, nil
	})
	for _, noop := range []bool{false, true} {
		log, result, err := logged(t, &catalog.Catalog{Resources: []*catalog.Resource{r}}, Options{
			Providers: map[string]provider.Provider{"file": p}, ShowDiff: true, Noop: noop,
		})
		if err != nil {
			t.Fatal(err)
		}
		rep := &report.Report{ResourceStatuses: result.Statuses}
		text, err := rep.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log, secret) || strings.Contains(string(text), secret) {
			t.Errorf("noop %v: the secret is shown:\n%s\n%s", noop, log, text)
		}
	}
}

// checkFunc is a provider of one function.
type checkFunc func(*provider.Resource) ([]provider.Change, error)

func (f checkFunc) Check(_ context.Context, r *provider.Resource) ([]provider.Change, error) {
	return f(r)
}

func TestStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := checkFunc(func(r *provider.Resource) ([]provider.Change, error) {
		if r.Ref.Title == "/b" {
			cancel()
			time.Sleep(10 * time.Millisecond)
		}
		return nil, nil
	})
	result, err := Run(ctx, &catalog.Catalog{Resources: []*catalog.Resource{res("Exec", "/a"), res("Exec", "/b"), res("Exec", "/c")}},
		Options{Types: resource.Builtin(), Providers: map[string]provider.Provider{"exec": p}})
	if !errors.Is(err, ErrStopped) || result.Completed || result.Statuses["Exec[/b]"] == nil || result.Statuses["Exec[/c]"] != nil {
		t.Errorf("%v, %+v", err, result)
	}
}

// generator makes two children of every directory.
type generator struct{ checkFunc }

func (generator) Generate(_ context.Context, r *provider.Resource) ([]*catalog.Resource, error) {
	if r.Ref.Title != "/d" {
		return nil, nil
	}
	return []*catalog.Resource{res("File", "/d/1"), res("File", "/d/2"), res("File", "/d/managed")}, nil
}

func TestGenerate(t *testing.T) {
	p := generator{func(r *provider.Resource) ([]provider.Change, error) {
		if r.Ref.Title != "/d/1" {
			return nil, nil
		}
		return []provider.Change{{Property: "ensure", Previous: value.String("absent"), Desired: value.String("file"),
			Apply: func(context.Context) error { return nil }}}, nil
	}}
	cat := &catalog.Catalog{Resources: []*catalog.Resource{
		res("File", "/d", "notify", "Exec[/bin/true]"), res("File", "/d/managed"), res("Exec", "/bin/true", "refreshonly", true),
	}}
	log, result, err := logged(t, cat, Options{Providers: map[string]provider.Provider{"file": p, "exec": execFake{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Notice: /File[/d/1]/ensure: created", "Notice: /Exec[/bin/true]: Triggered 'refresh' from 1 event"} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
	if len(result.Statuses) != 5 {
		t.Errorf("%d statuses, want 5", len(result.Statuses))
	}
}

// upper resolves Deferred('upcase', [text]).
type upper struct{}

func (upper) Resolve(_ context.Context, d *value.Deferred) (value.Value, error) {
	if d.Name != "upcase" {
		return nil, fmt.Errorf("unknown function '%s'", d.Name)
	}
	return value.String(strings.ToUpper(d.Args.At(0).String())), nil
}

func TestDeferred(t *testing.T) {
	good, bad := res("Notify", "a"), res("Notify", "b")
	good.SetParam("message", &value.Deferred{Name: "upcase", Args: value.NewArray(value.String("hi"))})
	bad.SetParam("message", value.NewSensitive(&value.Deferred{Name: "nosuch", Args: value.NewArray()}))
	cat := &catalog.Catalog{Resources: []*catalog.Resource{good, bad}}
	log, result, err := logged(t, cat, Options{Deferred: upper{}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log, "Notice: HI\n") || !strings.Contains(log, "Error: /Notify[b]: Could not evaluate: parameter message: unknown function 'nosuch'") {
		t.Errorf("log:\n%s", log)
	}
	if log, _, err = logged(t, cat, Options{}); err != nil || !strings.Contains(log, "this agent cannot make deferred calls") {
		t.Errorf("%v, log:\n%s", err, log)
	}
	if !result.Statuses["Notify[b]"].Failed {
		t.Error("a failed call does not fail the resource")
	}
}

func TestUnknownTypes(t *testing.T) {
	cat := &catalog.Catalog{Resources: []*catalog.Resource{
		res("Frobnicate", "a"), res("Zpool", "z"), res("Notify", "n", "require", "Frobnicate[a]"), res("Anchor", "x"),
	}}
	log, _, err := logged(t, cat, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"does not know the resource type Frobnicate", "has no provider for the resource type zpool",
		"/Notify[n]: Skipping because of failed dependencies"} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
}

func BenchmarkNoop(b *testing.B) {
	cat := &catalog.Catalog{Resources: []*catalog.Resource{res("Class", "main")}}
	for i := range 300 {
		r := res("File", fmt.Sprintf("/d%d/f%d", i/10, i))
		cat.Resources = append(cat.Resources, r)
		cat.Edges = append(cat.Edges, catalog.Edge{Source: ref("Class", "main"), Target: r.Ref})
	}
	p := checkFunc(func(*provider.Resource) ([]provider.Change, error) { return nil, nil })
	types := resource.Builtin()
	for b.Loop() {
		if _, err := Run(b.Context(), cat, Options{Types: types, Providers: map[string]provider.Provider{"file": p}}); err != nil {
			b.Fatal(err)
		}
	}
}
