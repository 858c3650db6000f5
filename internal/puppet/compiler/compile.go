package compiler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"kickoff/internal/catalog"
	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/module"
	"kickoff/internal/puppet/syntax"
	"kickoff/internal/value"
)

// compilation is one catalog in the making.
type compilation struct {
	compiler *Compiler
	env      *module.Environment
	req      Request
	eval     *eval.Evaluator
	loader   *loader
	top      *eval.Scope
	// node is the scope of the node block, or nil.
	node    *eval.Scope
	mainRes *res
	// nodeMatch is what the regular expression of the node block captured.
	nodeMatch []value.Value

	resources []*res
	byRef     map[catalog.Ref]*res
	// aliases are further references: of the metaparameter alias, and of name variables that differ from the title.
	aliases map[catalog.Ref]*res
	// classes are the class resources by lower-case name.
	classes    map[string]*res
	classNames []string
	// catalogTags are the tags of the catalog itself.
	catalogTags *tags

	defaults    map[*eval.Owner]map[string]*typeDefaults
	collections []*collection
	relations   []relation
	// pending are overrides of resources that were not declared yet.
	pending map[catalog.Ref][]*override
	logs    []Log
}

// maxRounds bounds how often collectors and defines can make each other do something.
const maxRounds = 1000

// run makes the catalog.
func (c *compilation) run(ctx context.Context) error {
	stage := c.newResource("stage", "main", nil)
	stage.kind = "compilable_type"
	stage.set("name", value.String("main"), diag.Range{})
	stage.tags = newTags()
	stage.tags.add("stage")
	c.add(stage)
	for _, cl := range c.req.Classes {
		// Puppet lists the classifier's classes first, and again when they are evaluated.
		c.classNames = append(c.classNames, cl.Name)
		c.catalogTags.addName(lowerName(cl.Name))
	}
	c.setVariables()
	c.settings()
	if err := c.evaluateMain(ctx); err != nil {
		return err
	}
	if err := c.evaluateNode(ctx); err != nil {
		return err
	}
	if err := c.evaluateClassification(ctx); err != nil {
		return err
	}
	if err := c.generate(ctx); err != nil {
		return err
	}
	return c.finish(ctx)
}

// setVariables sets the top scope's variables: facts, then what the server says, then the classifier's parameters.
func (c *compilation) setVariables() {
	for k, v := range c.req.Facts.All() {
		c.top.Define(k.String(), v)
	}
	for k, v := range c.req.ServerFacts.All() {
		c.top.Define(k.String(), v)
	}
	c.top.Define("environment", value.String(c.env.Name))
	for k, v := range c.req.Parameters.All() {
		c.top.Define(k.String(), v)
	}
	for name, h := range map[string]*value.Hash{
		"facts": c.req.Facts, "trusted": c.trusted(), "server_facts": c.serverFacts(),
	} {
		if h == nil {
			h = value.NewHash(0)
		}
		c.top.Define(name, h)
	}
	c.top.Define("module_name", value.Undef{})
	c.top.Define("caller_module_name", value.Undef{})
}

// trusted is $trusted: what the request says, else what an unauthenticated node has.
func (c *compilation) trusted() *value.Hash {
	if c.req.Trusted != nil {
		return c.req.Trusted
	}
	host, domain, _ := strings.Cut(c.req.Node, ".")
	h := value.HashOf("authenticated", value.Bool(false), "certname", c.req.Node, "extensions", value.NewHash(0),
		"external", value.NewHash(0), "hostname", host)
	if domain == "" {
		h.SetString("domain", value.Undef{})
	} else {
		h.SetString("domain", value.String(domain))
	}
	return h
}

func (c *compilation) serverFacts() *value.Hash {
	facts := c.req.ServerFacts
	if facts == nil {
		facts = value.NewHash(0)
	}
	return facts.Merge(value.HashOf("environment", c.env.Name))
}

// settings makes the class settings, whose variables are the server's settings.
func (c *compilation) settings() {
	r := c.newResource("class", "settings", nil)
	r.tags.merge(namesOf("class", "settings"))
	r.evaluated = true
	c.add(r)
	r.containedBy(c.byRef[catalog.Ref{Type: "Stage", Title: "main"}])
	scope := c.top.Named(eval.Spec{Name: "Class[settings]", Container: r})
	values := map[string]string{
		"environment": c.env.Name, "modulepath": strings.Join(c.env.ModulePath, ":"), "strict": strictName(c.compiler.opt.Strict),
		"strict_variables": fmt.Sprint(!c.compiler.opt.LooseVariables), "storeconfigs": fmt.Sprint(c.compiler.opt.Exports != nil),
		"node_name_value": c.req.Node,
	}
	maps.Copy(values, c.compiler.opt.Settings)
	all := value.NewHash(len(values))
	for k, v := range values {
		var val value.Value = value.String(v)
		if v == "true" || v == "false" {
			val = value.Bool(v == "true")
		}
		scope.Define(k, val)
		all.SetString(k, val)
	}
	scope.Define("all_local", all)
	c.eval.SetClass("settings", scope.Owner())
	c.classNames = append(c.classNames, "settings")
	c.catalogTags.addName("settings")
}

func strictName(s eval.Strictness) string {
	switch s {
	case eval.StrictWarning:
		return "warning"
	case eval.StrictOff:
		return "off"
	}
	return "error"
}

// evaluateMain runs the site's manifests as the class main.
func (c *compilation) evaluateMain(ctx context.Context) error {
	main := c.mainRes
	main.set("name", value.String("main"), diag.Range{})
	main.tags.add("class")
	main.evaluated = true
	main.scope = c.top
	c.add(main)
	c.classes["main"] = main
	c.eval.SetClass("main", c.top.Owner())
	main.containedBy(c.byRef[catalog.Ref{Type: "Stage", Title: "main"}])
	var progs []*syntax.Program
	var bad diag.List
	for _, path := range c.env.Manifests() {
		prog, err := c.loader.load(path)
		switch list, ok := errors.AsType[diag.List](err); {
		case ok:
			bad = append(bad, list...)
		case err != nil:
			return err
		default:
			progs = append(progs, prog)
		}
	}
	if err := bad.Err(); err != nil {
		return err
	}
	for _, prog := range progs {
		if _, err := c.eval.Evaluate(ctx, c.top, prog.Body); err != nil {
			return c.jumped(err)
		}
	}
	return nil
}

// jumped is the error of a body at top level, where return() and its sisters have nothing to leave.
func (c *compilation) jumped(err error) error { return c.eval.Illegal(err) }

// evaluateNode runs the node block that fits the node's name.
func (c *compilation) evaluateNode(ctx context.Context) error {
	if len(c.loader.nodes) == 0 {
		return nil
	}
	def, name, err := c.matchNode()
	if err != nil {
		return err
	}
	if def == nil {
		return diag.New("no-node", eval.Place(c.loader.nodes[0]),
			"Could not find node statement with name 'default' or '%s'", c.req.Node)
	}
	r := c.newResource("node", name, c.top)
	r.tags.merge(namesOf("node", name))
	r.tags.merge(c.mainRes.tags)
	r.evaluated = true
	c.add(r)
	r.containedBy(c.mainRes)
	c.classNames = append(c.classNames, name)
	c.catalogTags.addName(name)
	c.catalogTags.add("node")
	c.node = c.top.Named(eval.Spec{Name: r.String(), Container: r, Enclosing: c.top.Owner()})
	r.scope = c.top
	if strings.HasPrefix(name, patternPrefix) {
		c.node.DefineMatch(c.nodeMatch)
	}
	if err := c.eval.Enter(r.String(), eval.Place(def)); err != nil {
		return err
	}
	defer c.eval.Leave()
	_, err = c.eval.Body(ctx, c.node, "node", def.Body)
	return err
}

// matchNode finds the node block: by name, else the first whose regular expression matches, else default.
func (c *compilation) matchNode() (def *syntax.NodeDef, name string, err error) {
	want := strings.ToLower(c.req.Node)
	named := map[string]*syntax.NodeDef{}
	var byPattern *syntax.NodeDef
	pattern := ""
	for _, def := range c.loader.nodes {
		for _, m := range def.Matches {
			name := "default"
			switch m := m.(type) {
			case *syntax.RegexpLiteral:
				hit, err := matchPattern(m, want)
				if err != nil {
					return nil, "", err
				}
				if hit != nil && byPattern == nil {
					byPattern, pattern, c.nodeMatch = def, m.Pattern, groups(want, hit)
				}
				continue
			case *syntax.StringLiteral:
				name = strings.ToLower(m.Value)
			}
			if err := duplicate(name, def, known(named[name])); err != nil {
				return nil, "", err
			}
			named[name] = def
		}
	}
	switch {
	case named[want] != nil:
		return named[want], want, nil
	case byPattern != nil:
		return byPattern, patternName(pattern), nil
	}
	return named["default"], "default", nil
}

// known makes a nil node block a nil definition.
func known(def *syntax.NodeDef) syntax.Definition {
	if def == nil {
		return nil
	}
	return def
}

func matchPattern(m *syntax.RegexpLiteral, name string) ([]int, error) {
	re, err := value.NewRegexp(m.Pattern)
	if err != nil {
		return nil, diag.New("bad-regexp", eval.Place(m), "%v", err)
	}
	hit, err := re.Find(name)
	if err != nil {
		return nil, diag.New("bad-regexp", eval.Place(m), "%v", err)
	}
	return hit, nil
}

// groups are the parts of text that a match found.
func groups(text string, found []int) []value.Value {
	out := make([]value.Value, len(found)/2)
	for i := range out {
		out[i] = value.Undef{}
		if found[2*i] >= 0 {
			out[i] = value.String(text[found[2*i]:found[2*i+1]])
		}
	}
	return out
}

// patternPrefix begins the names of node blocks with a regular expression.
const patternPrefix = "__node_regexp__"

// patternName is the name that Puppet gives to a node block with a regular expression.
func patternName(pattern string) string {
	var b strings.Builder
	b.WriteString(patternPrefix)
	for i := range len(pattern) {
		ch := pattern[i]
		switch {
		case ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9' || ch == '_' || ch == '-' || ch == '.':
			b.WriteByte(ch)
		}
	}
	return strings.ToLower(b.String())
}

// evaluateClassification evaluates the classifier's classes: after the node block, those without parameters first.
func (c *compilation) evaluateClassification(ctx context.Context) error {
	scope := c.top
	if c.node != nil {
		scope = c.node
	}
	for _, withParams := range []bool{true, false} {
		for _, cl := range c.req.Classes {
			if (cl.Params != nil && cl.Params.Len() > 0) != withParams {
				continue
			}
			if err := c.classify(ctx, scope, cl, withParams); err != nil {
				return c.fromOrigin(err, cl)
			}
		}
	}
	return nil
}

// classify adds one class, to be evaluated with the defines: what it was given and what it declares come late.
func (c *compilation) classify(ctx context.Context, scope *eval.Scope, cl Class, withParams bool) error {
	name := lowerName(cl.Name)
	def, err := c.loader.Class(ctx, name)
	if err != nil {
		return err
	}
	if def == nil {
		return c.unknownClass(name, diag.Range{})
	}
	old := c.classes[name]
	if old != nil && withParams {
		return c.duplicateResource(old.ref, old, diag.Range{})
	}
	if err := c.ensureParent(ctx, scope, diag.Range{}, def, nil); err != nil {
		return err
	}
	if old != nil {
		return nil
	}
	r := c.newResource("class", name, scope)
	r.class, r.origin = def, &cl
	for k, v := range cl.Params.All() {
		r.set(k.String(), v, diag.Range{})
	}
	c.tagDeclared(r)
	return c.addClass(r, nil)
}

// fromOrigin names who asked for a class in the error about it.
func (c *compilation) fromOrigin(err error, cl Class) error {
	d, ok := errors.AsType[*diag.Diagnostic](err)
	if !ok {
		return fmt.Errorf("class %s of the classification: %w", cl.Name, err)
	}
	if by := " (class '" + cl.Name + "' is assigned by " + cl.Origin + ")"; cl.Origin != "" && !strings.HasSuffix(d.Summary, by) {
		d.Summary += by
	}
	return err
}

// generate runs collectors and defines until neither finds anything to do.
func (c *compilation) generate(ctx context.Context) error {
	for round := 0; ; round++ {
		if round > maxRounds {
			return c.endless()
		}
		again := false
		for {
			found, err := c.evaluateCollections(ctx)
			if err != nil {
				return err
			}
			if !found {
				break
			}
			again = true
		}
		found, err := c.evaluateDefines(ctx)
		if err != nil {
			return err
		}
		if !found && !again {
			return nil
		}
	}
}

func (c *compilation) endless() error {
	last := c.resources[len(c.resources)-1]
	return c.fail("endless-generation", last.at,
		"Somehow looped more than %d times while evaluating host catalog: the last resource was %s", maxRounds, last)
}

// evaluateDefines runs the bodies of all defines' instances that are real and were not run yet, and those of the
// classifier's classes.
func (c *compilation) evaluateDefines(ctx context.Context) (bool, error) {
	var todo []*res
	for _, r := range c.resources {
		if !r.evaluated && !r.virtual && (r.define != nil || r.class != nil) {
			todo = append(todo, r)
		}
	}
	for _, r := range todo {
		if err := c.evaluateLater(ctx, r); err != nil {
			return false, err
		}
	}
	return len(todo) > 0, nil
}

func (c *compilation) evaluateLater(ctx context.Context, r *res) error {
	if r.define != nil {
		return c.evaluateDefine(ctx, r)
	}
	err := c.evaluateClass(ctx, r, r.at)
	if err != nil && r.origin != nil {
		return c.fromOrigin(err, *r.origin)
	}
	return err
}
