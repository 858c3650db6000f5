// Package compiler makes catalogs: facts, classification and code of an environment in, resources with their
// relationships and containment out.
//
//	Compiler     what all compilations share: code, functions, resource types; safe for concurrent use
//	compilation  one catalog in the making, used by one goroutine; it is the evaluator's Builder and Loader
//
// The order of work is Puppet's: manifests of the site, node block, classes of the classifier, then collectors and
// instances of defines in turn until nothing new comes, relationships, overrides, defaults, validation.
package compiler

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"kickoff/internal/catalog"
	"kickoff/internal/diag"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/function"
	"kickoff/internal/puppet/module"
	"kickoff/internal/resource"
	"kickoff/internal/value"
)

// Options make a Compiler.
type Options struct {
	// Library gives the code of environments. Required.
	Library *module.Library
	// Functions are the functions in Go; nil takes function.Builtin(). Stdlib are those that an environment only has with
	// the module stdlib; nil takes function.Stdlib().
	Functions, Stdlib []eval.Function
	// Types are the resource types with a schema; nil takes resource.Builtin().
	Types *resource.Registry
	// HieraConfig is the path of the global hiera.yaml; empty has only the environments' own.
	HieraConfig string
	// Exports finds exported resources of other nodes; nil finds none.
	Exports Exports
	// Strict and LooseVariables are the settings `strict` and (negated) `strict_variables`.
	Strict         eval.Strictness
	LooseVariables bool
	// Settings are further variables of the class settings ($settings::confdir ...).
	Settings map[string]string
	// MaxSteps bounds the work of one compilation; zero takes the evaluator's default.
	MaxSteps int
	// Now is the clock, time.Now if nil.
	Now    func() time.Time
	Logger *slog.Logger
}

// Exports finds the exported resources of nodes. Implementations are safe for concurrent use.
type Exports interface {
	// Exported gives the resources of a type (capitalised) that nodes other than node export, in a stable order. The
	// compiler applies the query itself; an implementation may use it to find less.
	Exported(ctx context.Context, environment, node, typ string, query eval.Query) ([]*catalog.Resource, error)
}

// Compiler compiles catalogs. It is safe for concurrent use.
type Compiler struct {
	opt      Options
	plain    *eval.Functions
	stdlib   *eval.Functions
	log      *slog.Logger
	rubyType *rubyTypes
	data     dataCache
}

// New gives a Compiler.
func New(opt Options) (*Compiler, error) {
	if opt.Library == nil {
		return nil, errors.New("make a compiler: no library of environments")
	}
	if opt.Types == nil {
		opt.Types = resource.Builtin()
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Functions == nil {
		opt.Functions = function.Builtin()
	}
	if opt.Stdlib == nil {
		opt.Stdlib = function.Stdlib()
	}
	plain, err := eval.NewFunctions(opt.Functions)
	if err != nil {
		return nil, fmt.Errorf("make a compiler: %w", err)
	}
	all, err := eval.NewFunctions(opt.Functions, opt.Stdlib)
	if err != nil {
		return nil, fmt.Errorf("make a compiler: %w", err)
	}
	log := opt.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Compiler{opt: opt, plain: plain, stdlib: all, log: log, rubyType: newRubyTypes(), data: newDataCache()}, nil
}

// Class is one class of a classification.
type Class struct {
	Name string
	// Params are the class's parameters; nil includes the class as `include` does.
	Params *value.Hash
	// Origin says who asked for the class, for messages: "group backend-production of node_groups.yml:3".
	Origin string
}

// Request asks for the catalog of one node.
type Request struct {
	// Node is the node's certname.
	Node        string
	Environment string
	Facts       *value.Hash
	Trusted     *value.Hash
	ServerFacts *value.Hash
	// Classes and Parameters come from the classifier. Parameters outrank facts.
	Classes         []Class
	Parameters      *value.Hash
	TransactionUUID string
}

// Log is one message of a compilation.
type Log struct {
	Level   string `json:"level"`
	Message string `json:"message"`
	Source  string `json:"source,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

// Result is a compiled catalog.
type Result struct {
	Catalog *catalog.Catalog
	// Exported are the resources that the node exports, to be stored for others.
	Exported []*catalog.Resource
	Logs     []Log
	CodeID   string
}

// Compile makes the catalog of a node from the present state of its environment. Errors of the code are
// *diag.Diagnostic or diag.List.
func (c *Compiler) Compile(ctx context.Context, req Request) (*Result, error) {
	env, err := c.opt.Library.Environment(ctx, req.Environment)
	if err != nil {
		return nil, fmt.Errorf("compile catalog for %s: %w", req.Node, err)
	}
	comp := c.begin(env, req)
	if err := comp.run(ctx); err != nil {
		return &Result{Logs: comp.logs, CodeID: env.CodeID()}, fmt.Errorf("compile catalog for %s: %w", req.Node, comp.eval.Escaped(err))
	}
	return comp.result(), nil
}

func (c *Compiler) functions(env *module.Environment) *eval.Functions {
	if env.Module("stdlib") != nil {
		return c.stdlib
	}
	return c.plain
}

// begin prepares a compilation.
func (c *Compiler) begin(env *module.Environment, req Request) *compilation {
	comp := &compilation{
		compiler: c, env: env, req: req, byRef: map[catalog.Ref]*res{}, aliases: map[catalog.Ref]*res{},
		classes: map[string]*res{}, defaults: map[*eval.Owner]map[string]*typeDefaults{},
		pending: map[catalog.Ref][]*override{}, loader: newLoader(c, env), catalogTags: newTags(),
	}
	comp.mainRes = comp.newResource("class", "main", nil)
	top := eval.NewTop(comp.mainRes)
	opt := eval.Options{
		Functions: c.functions(env), Loader: comp.loader, Builder: comp, Environment: env,
		Strict: c.opt.Strict, LooseVariables: c.opt.LooseVariables, MaxSteps: c.opt.MaxSteps,
		Log: comp.addLog, Logger: c.log,
	}
	opt.Binder = c.session(env, comp)
	comp.top = top
	comp.eval = eval.New(top, opt)
	return comp
}

func (c *compilation) addLog(m eval.Message) {
	c.logs = append(c.logs, Log{
		Level: string(m.Level), Message: m.Text, Source: m.Source, File: m.At.File, Line: m.At.Start.Line,
	})
}

// result turns the compilation into what the agent gets.
func (c *compilation) result() *Result {
	out := &catalog.Catalog{
		Name: c.req.Node, Environment: c.env.Name, CodeID: c.env.CodeID(), UUID: newUUID(),
		Version: strconv.FormatInt(c.compiler.opt.Now().Unix(), 10),
		Tags:    c.catalogTags.list(), Classes: c.classNames,
	}
	var exported []*catalog.Resource
	for _, r := range c.resources {
		if r.exported && !r.imported {
			exported = append(exported, r.wire())
		}
		if !r.virtual {
			out.Resources = append(out.Resources, r.wire())
			out.Edges = append(out.Edges, r.edges()...)
		}
	}
	return &Result{Catalog: out, Exported: exported, Logs: c.logs, CodeID: out.CodeID}
}

// newUUID gives a random UUID of version 4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// fail makes the diagnostic of an error of the code.
func (c *compilation) fail(code string, at diag.Range, format string, args ...any) *diag.Diagnostic {
	d := diag.New(code, at, format, args...)
	d.Stack = c.eval.Stack()
	return d
}
