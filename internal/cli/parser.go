package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"kickoff/internal/diag"
	"kickoff/internal/puppet/syntax"
)

func newParserCommand(sio *IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "parser",
		Short: "Check and look at Puppet code without compiling it",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(newParserValidateCommand(sio), newParserDumpCommand(sio))
	return cmd
}

// sourceOptions are the options of the commands that read Puppet code.
type sourceOptions struct {
	output string
	tasks  bool
	// epp makes every text a template; otherwise a file is one when its name ends in .epp.
	epp bool
	// suffix is what files in directories are chosen by.
	suffix string
}

func newParserValidateCommand(sio *IO) *cobra.Command {
	opt := sourceOptions{suffix: ".pp"}
	cmd := &cobra.Command{
		Use:   "validate [FILE|DIRECTORY|-]...",
		Short: "Check the syntax of manifests",
		Long: `Checks manifests without compiling them. All errors are reported, with their source lines.

In a directory every file whose name ends in .pp is checked. A file whose name ends in .epp is checked as a template.
Without arguments, or with -, the text comes from standard input. The exit status is 1 if there was an error.`,
		Example: `  kickoff parser validate manifests/
  kickoff parser validate -o json site.pp
  echo 'notify { "x": }' | kickoff parser validate`,
		RunE: func(c *cobra.Command, args []string) error { return runValidate(c.Context(), sio, opt, args) },
	}
	addOutputFlag(cmd, &opt.output)
	cmd.Flags().BoolVar(&opt.tasks, "tasks", false, "make 'plan' a keyword")
	return cmd
}

func newParserDumpCommand(sio *IO) *cobra.Command {
	opt := sourceOptions{suffix: ".pp"}
	cmd := &cobra.Command{
		Use:   "dump [FILE|DIRECTORY|-]...",
		Short: "Print the syntax tree of manifests",
		Long: `Prints how manifests are understood, as a nested list. A text with errors has no tree; the errors are printed
instead, and the exit status is 1.`,
		Example: "  kickoff parser dump site.pp\n  echo '$a = 1 + 2 * 3' | kickoff parser dump",
		RunE:    func(c *cobra.Command, args []string) error { return runDump(c.Context(), sio, opt, args) },
	}
	addOutputFlag(cmd, &opt.output)
	cmd.Flags().BoolVar(&opt.tasks, "tasks", false, "make 'plan' a keyword")
	return cmd
}

// parsed is what became of one file.
type parsed struct {
	name  string
	src   []byte
	prog  *syntax.Program
	diags diag.List
}

// validation is the JSON form of a validate command's answer.
type validation struct {
	Files       int       `json:"files"`
	Errors      int       `json:"errors"`
	Diagnostics diag.List `json:"diagnostics"`
}

func runValidate(ctx context.Context, sio *IO, opt sourceOptions, args []string) error {
	results, err := parseAll(ctx, sio, opt, args)
	if err != nil {
		return err
	}
	v := validation{Files: len(results), Diagnostics: diag.List{}}
	for _, r := range results {
		for _, d := range r.diags {
			if d.Severity == diag.Error {
				v.Errors++
			}
		}
		v.Diagnostics = append(v.Diagnostics, r.diags...)
	}
	if opt.output == "json" {
		err = writeJSON(sio.Out, v)
	} else {
		err = renderAll(sio.Err, results)
	}
	if err != nil {
		return fmt.Errorf("print diagnostics: %w", err)
	}
	if v.Errors > 0 {
		return &ExitError{Code: 1}
	}
	return nil
}

func renderAll(w io.Writer, results []parsed) error {
	for _, r := range results {
		source := func(string) ([]byte, bool) { return r.src, true }
		if err := diag.Render(w, r.diags, source); err != nil {
			return err
		}
	}
	return nil
}

func runDump(ctx context.Context, sio *IO, opt sourceOptions, args []string) error {
	results, err := parseAll(ctx, sio, opt, args)
	if err != nil {
		return err
	}
	failed := false
	trees := map[string]string{}
	for _, r := range results {
		if r.prog == nil {
			failed = true
			continue
		}
		tree := syntax.Dump(r.prog)
		trees[r.name] = tree
		if opt.output == "json" {
			continue
		}
		if len(results) > 1 {
			tree = "--- " + r.name + "\n" + tree
		}
		if _, err := fmt.Fprintln(sio.Out, tree); err != nil {
			return err
		}
	}
	if opt.output == "json" {
		if err := writeJSON(sio.Out, trees); err != nil {
			return err
		}
	}
	if err := renderAll(sio.Err, results); err != nil {
		return err
	}
	if failed {
		return &ExitError{Code: 1}
	}
	return nil
}

// parseAll reads and parses everything that the arguments name, several files at a time, and keeps their order.
func parseAll(ctx context.Context, sio *IO, opt sourceOptions, args []string) ([]parsed, error) {
	names, err := sourceFiles(args, opt.suffix)
	if err != nil {
		return nil, err
	}
	results := make([]parsed, len(names))
	errs := make([]error, len(names))
	work := make(chan int)
	var wg sync.WaitGroup
	for range min(len(names), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range work {
				results[i], errs[i] = parseOne(sio, opt, names[i])
			}
		})
	}
	for i := range names {
		if ctx.Err() != nil {
			break
		}
		work <- i
	}
	close(work)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return results, errors.Join(errs...)
}

func parseOne(sio *IO, opt sourceOptions, name string) (parsed, error) {
	r := parsed{name: name}
	var err error
	if name == "-" {
		r.name = "<stdin>"
		r.src, err = io.ReadAll(sio.In)
	} else {
		r.src, err = os.ReadFile(name)
	}
	if err != nil {
		return r, fmt.Errorf("read %s: %w", r.name, err)
	}
	epp := opt.epp || strings.HasSuffix(name, ".epp")
	r.prog, r.diags = syntax.Parse(r.name, r.src, syntax.Options{EPP: epp, Tasks: opt.tasks})
	return r, nil
}

// sourceFiles replaces directories by the files in them that have the suffix, and nothing by standard input.
func sourceFiles(args []string, suffix string) ([]string, error) {
	if len(args) == 0 {
		return []string{"-"}, nil
	}
	var names []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if arg == "-" || err == nil && !info.IsDir() {
			names = append(names, arg)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find Puppet code: %w", err)
		}
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, suffix) {
				names = append(names, path)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", arg, err)
		}
	}
	return names, nil
}
