package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/compiler"
	"kickoff/internal/puppet/eval"
	"kickoff/internal/puppet/module"
	"kickoff/internal/value"
)

func newCatalogCommand(sio *IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "catalog",
		Short:   "Compile catalogs and look at them",
		Long:    "Works on catalogs without a server: compiles the code of an environment for a node.",
		Example: "  kickoff catalog compile web01 --environmentpath code/environments --facts web01.json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(newCatalogCompileCommand(sio))
	return cmd
}

// compileOptions are the flags of catalog compile.
type compileOptions struct {
	environmentPath, basePath, environment string
	facts, trusted, hieraConfig, strict    string
	classes, parameters                    []string
	looseVariables                         bool
	output                                 string
}

func newCatalogCompileCommand(sio *IO) *cobra.Command {
	var opt compileOptions
	cmd := &cobra.Command{
		Use:   "compile NODE",
		Short: "Compile the catalog of a node",
		Long: `Compiles the catalog of a node from the code of an environment and a file of facts, and prints it in the form of
Puppet's wire. Messages of the code (notice and its sisters) go to standard error. With -o text the resources are
listed, one per line.`,
		Example: `  kickoff catalog compile web01 --environmentpath code/environments --facts web01.json
  kickoff catalog compile web01 --environmentpath code/environments --class role::backend -o text`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return runCompile(c.Context(), sio, opt, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&opt.environmentPath, "environmentpath", "/etc/puppetlabs/code/environments", "directories of environments, separated by colons")
	f.StringVar(&opt.basePath, "basemodulepath", "", "directories of modules for all environments, separated by colons")
	f.StringVarP(&opt.environment, "environment", "E", "production", "the environment to compile")
	f.StringVar(&opt.facts, "facts", "", "a JSON file of facts: a plain hash, or {\"name\", \"values\"}")
	f.StringVar(&opt.trusted, "trusted", "", "a JSON file of trusted facts")
	f.StringVar(&opt.hieraConfig, "hiera-config", "", "the global hiera.yaml")
	f.StringArrayVar(&opt.classes, "class", nil, "a class to include, as a classifier would (may be repeated)")
	f.StringArrayVar(&opt.parameters, "parameter", nil, "NAME=VALUE, a top-scope variable, as a classifier would set it (may be repeated)")
	f.StringVar(&opt.strict, "strict", "error", "what is doubtful is an error, a warning, or off")
	f.BoolVar(&opt.looseVariables, "no-strict-variables", false, "unknown variables are undef, as in Puppet 7")
	f.StringVarP(&opt.output, "output", "o", "json", "output format: json or text")
	_ = cmd.MarkFlagDirname("environmentpath")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"json", "text"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runCompile(ctx context.Context, sio *IO, opt compileOptions, node string) error {
	if opt.output != "json" && opt.output != "text" {
		return fmt.Errorf("output format %q is unknown: use text or json", opt.output)
	}
	strict, err := strictness(opt.strict)
	if err != nil {
		return err
	}
	req, err := compileRequest(opt, node)
	if err != nil {
		return err
	}
	comp, err := compiler.New(compiler.Options{
		Library: module.NewLibrary(module.Options{
			EnvironmentPath: filepath.SplitList(opt.environmentPath), BaseModulePath: filepath.SplitList(opt.basePath),
		}),
		HieraConfig: opt.hieraConfig, Strict: strict, LooseVariables: opt.looseVariables,
	})
	if err != nil {
		return err
	}
	out, err := comp.Compile(ctx, req)
	if out != nil {
		writeCompileLogs(sio.Err, out.Logs)
	}
	if err != nil {
		return compileFailed(sio.Err, err)
	}
	if opt.output == "text" {
		return listCatalog(sio.Out, out)
	}
	data, err := json.MarshalIndent(out.Catalog, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(sio.Out, string(data))
	return err
}

// compileRequest reads what the flags name.
func compileRequest(opt compileOptions, node string) (compiler.Request, error) {
	req := compiler.Request{Node: node, Environment: opt.environment, Parameters: value.NewHash(len(opt.parameters))}
	var err error
	if req.Facts, err = readFacts(opt.facts); err != nil {
		return req, err
	}
	if opt.trusted != "" {
		if req.Trusted, err = readFacts(opt.trusted); err != nil {
			return req, err
		}
	}
	for _, c := range opt.classes {
		req.Classes = append(req.Classes, compiler.Class{Name: c, Origin: "--class"})
	}
	for _, p := range opt.parameters {
		name, text, ok := strings.Cut(p, "=")
		if !ok {
			return req, fmt.Errorf("--parameter %q: NAME=VALUE is wanted", p)
		}
		req.Parameters.SetString(name, value.String(text))
	}
	return req, nil
}

func strictness(name string) (eval.Strictness, error) {
	switch name {
	case "error":
		return eval.StrictError, nil
	case "warning":
		return eval.StrictWarning, nil
	case "off":
		return eval.StrictOff, nil
	}
	return 0, fmt.Errorf("--strict %q is unknown: use error, warning or off", name)
}

// readFacts reads a hash of facts, also in the form in which agents upload it.
func readFacts(path string) (*value.Hash, error) {
	if path == "" {
		return value.NewHash(0), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	v, err := value.ParseJSON(data)
	if err != nil {
		return nil, fmt.Errorf("read facts of %s: %w", path, err)
	}
	h, ok := v.(*value.Hash)
	if !ok {
		return nil, fmt.Errorf("read facts of %s: a hash is wanted", path)
	}
	if values, ok := h.GetString("values"); ok {
		if inner, ok := values.(*value.Hash); ok {
			if _, named := h.GetString("name"); named {
				return inner, nil
			}
		}
	}
	return h, nil
}

func writeCompileLogs(w io.Writer, logs []compiler.Log) {
	for _, l := range logs {
		where := ""
		if l.File != "" {
			where = fmt.Sprintf(" (%s:%d)", l.File, l.Line)
		}
		fmt.Fprintf(w, "%s: %s: %s%s\n", l.Level, l.Source, l.Message, where)
	}
}

// compileFailed renders the diagnostics of the code with their source lines.
func compileFailed(w io.Writer, err error) error {
	var list diag.List
	if d, ok := errors.AsType[*diag.Diagnostic](err); ok {
		list = diag.List{d}
	} else if l, ok := errors.AsType[diag.List](err); ok {
		list = l
	} else {
		return err
	}
	source := func(file string) ([]byte, bool) {
		text, err := os.ReadFile(file)
		return text, err == nil
	}
	if err := diag.Render(w, list, source); err != nil {
		return err
	}
	return &ExitError{Code: 1}
}

func listCatalog(w io.Writer, out *compiler.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "catalog of %s, environment %s, code %.12s\n", out.Catalog.Name, out.Catalog.Environment, out.CodeID)
	for _, r := range out.Catalog.Resources {
		fmt.Fprintf(&b, "%s", r.Ref)
		if r.File != "" {
			fmt.Fprintf(&b, "  %s:%d", r.File, r.Line)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
