package function

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"

	"kickoff/internal/puppet/syntax"
)

func TestCorpusCalls(t *testing.T) {
	root := os.Getenv("KICKOFF_CORPUS")
	if root == "" {
		t.Skip("set KICKOFF_CORPUS to a directory of modules to list the functions that they call and kickoff lacks")
	}
	have := map[string]bool{}
	for _, f := range append(Builtin(), Stdlib()...) {
		have[f.Name] = true
	}
	counts := map[string]int{}
	var walk func(v reflect.Value, depth int)
	walk = func(v reflect.Value, depth int) {
		if depth > 400 {
			return
		}
		switch v.Kind() {
		case reflect.Interface, reflect.Pointer:
			if v.IsNil() {
				return
			}
			switch x := v.Interface().(type) {
			case *syntax.File:
				return
			case *syntax.Call:
				if n, ok := x.Func.(*syntax.Name); ok {
					counts[n.Value]++
				}
			case *syntax.MethodCall:
				counts[x.Name.Value]++
			}
			walk(v.Elem(), depth+1)
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).Name != "Definitions" && v.Type().Field(i).IsExported() {
					walk(v.Field(i), depth+1)
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), depth+1)
			}
		}
	}
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".pp") && !strings.HasSuffix(path, ".epp") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		prog, _ := syntax.Parse(path, text, syntax.Options{EPP: strings.HasSuffix(path, ".epp")})
		if prog != nil {
			walk(reflect.ValueOf(prog.Body), 0)
		}
		return nil
	})
	var missing []string
	for name, n := range counts {
		if !have[strings.TrimPrefix(name, "::")] {
			missing = append(missing, fmt.Sprintf("%5d %s", n, name))
		}
	}
	sort.Sort(sort.Reverse(sort.StringSlice(missing)))
	t.Log("\n" + strings.Join(missing, "\n"))
}
