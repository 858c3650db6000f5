package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"kickoff/internal/catalog"
	"kickoff/internal/puppet/compiler"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/module"
	"kickoff/internal/server"
	"kickoff/internal/store"
)

// newCompiler puts the language together with what other nodes export.
func newCompiler(lib *module.Library, exports compiler.Exports, log *slog.Logger, now func() time.Time) (*compiler.Compiler, error) {
	return compiler.New(compiler.Options{Library: lib, Exports: exports, Logger: log, Now: now})
}

// serverCompiler lets the server compile.
type serverCompiler struct{ compiler *compiler.Compiler }

var _ server.Compiler = serverCompiler{}

// Compile implements server.Compiler.
func (c serverCompiler) Compile(ctx context.Context, r server.CompileRequest) (*server.CompileResult, error) {
	req := compiler.Request{
		Node: r.Node, Environment: r.Environment, Facts: r.Facts, Trusted: r.Trusted, ServerFacts: r.ServerFacts,
		Parameters: r.Parameters, TransactionUUID: r.TransactionUUID,
	}
	for _, cl := range r.Classes {
		origins := make([]string, len(cl.From))
		for i, o := range cl.From {
			origins[i] = o.String()
		}
		req.Classes = append(req.Classes, compiler.Class{Name: cl.Name, Params: cl.Parameters, Origin: strings.Join(origins, ", ")})
	}
	res, err := c.compiler.Compile(ctx, req)
	if err != nil {
		return nil, err
	}
	out := &server.CompileResult{Catalog: res.Catalog, Exported: res.Exported}
	for _, l := range res.Logs {
		out.Logs = append(out.Logs, server.CompileLog{Level: l.Level, Message: l.Message, Source: l.Source})
	}
	return out, nil
}

// storedExports finds exported resources in the store.
type storedExports struct{ store *store.Store }

var _ compiler.Exports = storedExports{}

// Exported implements compiler.Exports.
func (e storedExports) Exported(ctx context.Context, environment, node, typ string, _ eval.Query) ([]*catalog.Resource, error) {
	list, err := e.store.ExportedResources(ctx, environment, typ, node)
	if err != nil {
		return nil, err
	}
	var out []*catalog.Resource
	for _, x := range list {
		var c catalog.Catalog
		if err := json.Unmarshal(x.JSON, &c); err != nil {
			return nil, fmt.Errorf("read %s[%s] exported by %s: %w", x.Type, x.Title, x.Certname, err)
		}
		out = append(out, c.Resources...)
	}
	return out, nil
}
