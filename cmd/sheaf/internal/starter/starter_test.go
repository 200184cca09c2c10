package starter

import (
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// written gives the files of a module by name.
func written(t *testing.T, m *Module) map[string]string {
	t.Helper()
	names, err := m.Write()
	if err != nil {
		t.Fatalf("Write() = %v", err)
	}
	texts := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(m.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return texts
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jobs", "sales")
	texts := written(t, &Module{Dir: dir, Version: "v1.2.3"})
	for _, name := range []string{".gitignore", "README.md", "go.mod", "main.go", "main_test.go", "testdata/orders.csv"} {
		if texts[name] == "" {
			t.Errorf("%s is missing or empty", name)
		}
	}
	for name, text := range texts {
		if strings.Contains(text, "<<") || strings.Contains(text, ">>") {
			t.Errorf("%s holds a mark of its template:\n%s", name, text)
		}
		if filepath.Ext(name) != ".go" {
			continue
		}
		if formatted, err := format.Source([]byte(text)); err != nil || string(formatted) != text {
			t.Errorf("%s is not formatted (%v)", name, err)
		}
	}
	if want := "module example.com/sales\n\ngo " + goVersion + "\n\nrequire github.com/sheafdata/sheaf v1.2.3\n"; texts["go.mod"] != want {
		t.Errorf("go.mod is %q, want %q", texts["go.mod"], want)
	}
	if !strings.Contains(texts["README.md"], "# sales\n") || !strings.Contains(texts[".gitignore"], "/sales\n") {
		t.Error("README.md or .gitignore does not name the job")
	}
}

func TestWriteWithACheckout(t *testing.T) {
	texts := written(t, &Module{Dir: filepath.Join(t.TempDir(), "x"), Path: "jobs/sales/v2", Version: "v0.0.0", Checkout: "/my code/sheaf"})
	f, err := modfile.Parse("go.mod", []byte(texts["go.mod"]), nil)
	if err != nil {
		t.Fatalf("go.mod cannot be read: %v", err)
	}
	if len(f.Replace) != 1 || f.Replace[0].New.Path != "/my code/sheaf" || f.Module.Mod.Path != "jobs/sales/v2" {
		t.Errorf("go.mod is %q, want the checkout in it", texts["go.mod"])
	}
	if !strings.Contains(texts["main.go"], `sdk.Define("sales", `) {
		t.Errorf("the job is not named sales:\n%s", texts["main.go"])
	}
}

// TestGoVersion holds that what is written asks for the Go that Sheaf does.
func TestGoVersion(t *testing.T) {
	root, ok := Checkout(mustAbs(t, "."))
	if !ok {
		t.Fatal("this test does not run in a checkout")
	}
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if f, err := modfile.ParseLax("go.mod", text, nil); err != nil || f.Go.Version != goVersion {
		t.Errorf("go.mod asks for Go %s (%v), the starter for %s", f.Go.Version, err, goVersion)
	}
	if dir, ok := Checkout(t.TempDir()); ok {
		t.Errorf("Checkout of a temporary directory = %s, want none", dir)
	}
	if dir, ok := Checkout("cmd/sheaf/init.go"); ok {
		t.Errorf("Checkout of a path that the compiler cut short = %s, want none", dir)
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
