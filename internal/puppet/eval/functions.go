package eval

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/types"
	"kickoff/internal/value"
)

// Functions are the functions in Go by name. It is immutable and safe for concurrent use.
type Functions struct {
	m     map[string]*compiled
	names []string
}

// compiled is a function whose signatures are parsed when it is first called.
type compiled struct {
	Function
	once sync.Once
	sigs []goSignature
	err  error
}

type goSignature struct {
	params      []types.Type
	least, most int // most is -1 without limit
	block       types.Type
	needsBlock  bool
}

// NewFunctions makes one set of tables. A name that is given twice is an error.
func NewFunctions(tables ...[]Function) (*Functions, error) {
	f := &Functions{m: map[string]*compiled{}}
	for _, table := range tables {
		for _, fn := range table {
			if f.m[fn.Name] != nil {
				return nil, fmt.Errorf("function %s is defined twice", fn.Name)
			}
			f.m[fn.Name] = &compiled{Function: fn}
			f.names = append(f.names, fn.Name)
		}
	}
	return f, nil
}

// Names lists the names of all functions.
func (f *Functions) Names() []string { return append([]string(nil), f.names...) }

// Check parses all signatures: a test of the tables.
func (f *Functions) Check() error {
	for _, name := range f.names {
		if err := f.m[name].compile(); err != nil {
			return err
		}
	}
	return nil
}

func (f *Functions) lookup(name string) (*compiled, bool) {
	fn, ok := f.m[name]
	return fn, ok
}

func (c *compiled) compile() error {
	c.once.Do(func() {
		c.sigs = make([]goSignature, len(c.Dispatches))
		for i, d := range c.Dispatches {
			if c.sigs[i], c.err = compileDispatch(d); c.err != nil {
				c.err = fmt.Errorf("function %s: %w", c.Name, c.err)
				return
			}
		}
	})
	return c.err
}

func compileDispatch(d Dispatch) (goSignature, error) {
	var sig goSignature
	for _, p := range d.Params {
		text := p.Type
		if text == "" {
			text = "Any"
		}
		t, err := types.Parse(text)
		if err != nil {
			return sig, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		sig.params = append(sig.params, t)
		if !p.Optional {
			sig.least++
		}
		sig.most++
		if p.Repeated {
			sig.most = -1
		}
	}
	if d.Block == "" {
		return sig, nil
	}
	t, err := types.Parse(d.Block)
	if err != nil {
		return sig, fmt.Errorf("block: %w", err)
	}
	sig.block, sig.needsBlock = t, true
	if o, ok := t.(*types.Optional); ok {
		sig.block, sig.needsBlock = o.T, false
	}
	return sig, nil
}

// accepts tells whether a call fits, or why not.
func (s *goSignature) accepts(name string, d Dispatch, args []value.Value, block *Lambda) error {
	if len(args) < s.least || s.most >= 0 && len(args) > s.most {
		hi := int64(s.most)
		if s.most < 0 {
			hi = int64(^uint64(0) >> 1)
		}
		return fmt.Errorf("'%s' expects %s, got %d", name, types.CountText(int64(s.least), hi, "argument"), len(args))
	}
	for i, a := range args {
		p := min(i, len(s.params)-1)
		if !types.Instance(s.params[p], a) {
			return types.Assert("'"+name+"' parameter '"+d.Params[p].Name+"'", s.params[p], a)
		}
	}
	switch {
	case block == nil && s.needsBlock:
		return fmt.Errorf("'%s' expects a block", name)
	case block != nil && s.block == nil:
		return fmt.Errorf("'%s' does not expect a block", name)
	case block != nil && !types.Assignable(s.block, block.Signature()):
		return fmt.Errorf("'%s' block expects %s, got %s", name, s.block, block.Signature())
	}
	return nil
}

// callGo picks the first signature that fits and runs it.
func (e *Evaluator) callGo(ctx context.Context, s *Scope, at diag.Range, f *compiled, args []value.Value, block *Lambda) (value.Value, error) {
	if err := f.compile(); err != nil {
		return nil, e.wrap(err, at)
	}
	var reasons []string
	for i := range f.sigs {
		if err := f.sigs[i].accepts(f.Name, f.Dispatches[i], args, block); err != nil {
			reasons = append(reasons, err.Error())
			continue
		}
		call := &Call{Name: f.Name, Args: args, Block: block, Scope: s, At: at, Eval: e}
		v, err := f.Dispatches[i].Call(ctx, call)
		if err != nil {
			return nil, e.wrap(err, at)
		}
		if v == nil {
			v = value.Undef{}
		}
		return v, nil
	}
	d := diag.New("argument-mismatch", at, "%s", mismatchText(f.Name, reasons))
	d.Stack = e.Stack()[1:]
	return nil, d
}

// mismatchText joins what each signature found wrong.
func mismatchText(name string, reasons []string) string {
	seen := map[string]bool{}
	var unique []string
	for _, r := range reasons {
		if !seen[r] {
			seen[r] = true
			unique = append(unique, r)
		}
	}
	if len(unique) == 1 {
		return unique[0]
	}
	return "The function '" + name + "' was called with arguments it does not accept. It expects one of: " + strings.Join(unique, " or ")
}
