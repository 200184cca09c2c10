package sdk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestEveryFunctionHasAnExample holds that who looks a function up finds one
// that runs.
func TestEveryFunctionHasAnExample(t *testing.T) {
	exported, examples := declared(t)
	for _, name := range exported {
		if !slices.Contains(examples, "Example"+name) {
			t.Errorf("%s has no Example%s", strings.ReplaceAll(name, "_", "."), name)
		}
	}
	if len(exported) < 20 {
		t.Errorf("declared(sdk) = %v, want all exported functions", exported)
	}
}

// declared lists the exported functions and methods of the package, those of a
// type T as T_Method, and the functions of its tests.
func declared(t *testing.T) (exported, tests []string) {
	t.Helper()
	entries, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range entries {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			switch {
			case !ok || !f.Name.IsExported():
			case strings.HasSuffix(name, "_test.go"):
				tests = append(tests, f.Name.Name)
			case f.Recv == nil:
				exported = append(exported, f.Name.Name)
			default:
				if of := receiver(f.Recv.List[0].Type); ast.IsExported(of) {
					exported = append(exported, of+"_"+f.Name.Name)
				}
			}
		}
	}
	return exported, tests
}

// receiver names the type that a method belongs to.
func receiver(e ast.Expr) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(types.ExprString(e), "*"), "[")
	return name
}
