package function

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"kickoff/internal/puppet/eval"
	"kickoff/internal/value"
)

// fileTable: files and templates of modules.
func fileTable() []eval.Function {
	paths := eval.Rest1("paths", "Variant[String, Array[String]]")
	return []eval.Function{
		fn("file", sig(file, paths)),
		fn("binary_file", sig(binaryFile, eval.Req("path", "String"))),
		fn("find_file", sig(findIn("files"), paths)),
		fn("find_template", sig(findIn("templates"), paths)),
		fn("module_directory", sig(moduleDirectory, eval.Rest1("names", "Variant[String, Array[String]]"))),
	}
}

// locate gives the place of a file: an absolute path as it is, module/name below the module's directory of that kind.
func locate(c *eval.Call, kind, name string) string {
	if filepath.IsAbs(name) {
		if env := c.Environment(); env != nil && env.Exists(name) {
			return name
		}
		if info, err := os.Stat(name); err != nil || info.IsDir() {
			return ""
		}
		return name
	}
	env := c.Environment()
	if env == nil {
		return ""
	}
	return env.FindFile(kind, name)
}

// content reads what locate found. Files outside of the environment's snapshot are read from disk.
func content(c *eval.Call, path string) ([]byte, error) {
	if env := c.Environment(); env != nil {
		text, err := env.ReadFile(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return text, err
		}
	}
	return os.ReadFile(path)
}

func firstFile(c *eval.Call, kind string) (string, []string) {
	list := texts(flat(c.Args))
	for _, name := range list {
		if path := locate(c, kind, name); path != "" {
			return path, list
		}
	}
	return "", list
}

func file(_ context.Context, c *eval.Call) (value.Value, error) {
	path, list := firstFile(c, "files")
	if path == "" {
		return nil, c.Errorf("Could not find any files from %s", commas(list))
	}
	text, err := content(c, path)
	if err != nil {
		return nil, c.Errorf("file(): %v", err)
	}
	if !utf8.Valid(text) {
		return value.NewBinary(text), nil
	}
	return value.String(text), nil
}

func commas(list []string) string {
	var out strings.Builder
	for i, s := range list {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(s)
	}
	return out.String()
}

func binaryFile(_ context.Context, c *eval.Call) (value.Value, error) {
	path := locate(c, "files", c.Str(0))
	if path == "" {
		return nil, c.Errorf("binary_file(): The given file '%s' does not exist", c.Str(0))
	}
	text, err := content(c, path)
	if err != nil {
		return nil, c.Errorf("binary_file(): %v", err)
	}
	return value.NewBinary(text), nil
}

func findIn(kind string) impl {
	return func(_ context.Context, c *eval.Call) (value.Value, error) {
		if path, _ := firstFile(c, kind); path != "" {
			return value.String(path), nil
		}
		return undef()
	}
}

func moduleDirectory(_ context.Context, c *eval.Call) (value.Value, error) {
	env := c.Environment()
	if env == nil {
		return undef()
	}
	for _, n := range texts(flat(c.Args)) {
		if m := env.Module(n); m != nil {
			return value.String(m.Dir), nil
		}
	}
	return undef()
}
