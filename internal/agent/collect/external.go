package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

// maxExternal bounds what one external source may give.
const maxExternal = 1 << 20

// external reads facts.d: .txt, .json and .yaml files and programs, side by side. Later directories and names win.
func (c *collector) external(ctx context.Context) facts {
	var paths []string
	for _, dir := range c.ExternalDirs {
		entries, err := os.ReadDir(c.path(dir))
		if err != nil {
			continue
		}
		for _, e := range entries {
			paths = append(paths, filepath.Join(c.path(dir), e.Name()))
		}
	}
	results := make([]facts, len(paths))
	var wg sync.WaitGroup
	for i, path := range paths {
		wg.Go(func() {
			f, err := readExternal(ctx, path)
			if err != nil {
				c.log.Warn("external fact not read", "path", path, "error", err)
			}
			results[i] = f
		})
	}
	wg.Wait()
	all := facts{}
	for _, r := range results {
		maps.Copy(all, r)
	}
	return all
}

func readExternal(ctx context.Context, path string) (facts, error) {
	st, err := os.Stat(path)
	if err != nil || st.IsDir() {
		return nil, err
	}
	switch ext := filepath.Ext(path); ext {
	case ".txt", ".json", ".yaml", ".yml":
		if st.Size() > maxExternal {
			return nil, fmt.Errorf("it has %d bytes, %d are the limit", st.Size(), maxExternal)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return parseExternal(ext, text)
	}
	if st.Mode()&0o111 == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, externalTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return parseExternal("", out)
}

// parseExternal reads facts. Programs (ext "") may write JSON, YAML or name=value lines.
func parseExternal(ext string, text []byte) (facts, error) {
	var f map[string]any
	switch ext {
	case ".txt":
		return keyValues(text), nil
	case ".json":
		if err := json.Unmarshal(text, &f); err != nil {
			return nil, fmt.Errorf("parse JSON: %w", err)
		}
		return normal(f), nil
	case ".yaml", ".yml":
		if err := yaml.Unmarshal(text, &f); err != nil {
			return nil, fmt.Errorf("parse YAML: %w", err)
		}
		return normal(f), nil
	}
	if json.Unmarshal(text, &f) == nil || yaml.Unmarshal(text, &f) == nil && len(f) > 0 {
		return normal(f), nil
	}
	return keyValues(text), nil
}

func keyValues(text []byte) facts {
	f := facts{}
	for line := range strings.Lines(string(text)) {
		name, v, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		if ok && name != "" {
			f[strings.ToLower(name)] = v
		}
	}
	return f
}

// normal makes names lower case, and of YAML's maps those that JSON has.
func normal(in map[string]any) facts {
	out := facts{}
	for k, v := range in {
		out[strings.ToLower(k)] = jsonable(v)
	}
	return out
}

func jsonable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = jsonable(e)
		}
		return v
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[fmt.Sprint(k)] = jsonable(e)
		}
		return out
	case []any:
		for i, e := range v {
			v[i] = jsonable(e)
		}
		return v
	case float64:
		if n := int64(v); float64(n) == v {
			return n
		}
	}
	return v
}

// environment gives the facts in FACTER_name variables, which outrank all others.
func (c *collector) environment() facts {
	f := facts{}
	for _, entry := range c.Environ {
		name, v, ok := strings.Cut(entry, "=")
		if fact, is := strings.CutPrefix(strings.ToLower(name), "facter_"); ok && is && fact != "" {
			f[fact] = v
		}
	}
	return f
}
