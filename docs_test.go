package sheaf_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The rules of the pages: what a reader is sent to exists, and code that a
// reader may copy is code that is compiled and tested.

// compiled lists the pages whose Go code must stand in a file, and that file.
var compiled = map[string][]string{
	"README.md":       {"examples/quickstart/main.go", "examples/quickstart/main_test.go", "examples/quickstart/cluster_test.go"},
	"docs/formats.md": {"sdk/format/csv/example_test.go"},
}

// pages returns the Markdown files of the repository with their text.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (name == "build" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != ".") {
			return fs.SkipDir
		}
		if !d.IsDir() && path.Ext(name) == ".md" {
			text, err := os.ReadFile(name)
			all[name] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 5 {
		t.Fatalf("found the pages %v, want those of the root and of docs", all)
	}
	return all
}

var (
	fenced = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	linked = regexp.MustCompile(`\[([^\]\n]*)\]\(([^)\s]+)\)`)
)

func TestLinksOfPagesLeadSomewhere(t *testing.T) {
	for page, text := range pages(t) {
		for _, m := range linked.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			label, target := m[1], m[2]
			if strings.Contains(target, "://") {
				continue
			}
			target, anchor, _ := strings.Cut(target, "#")
			file := path.Join(path.Dir(page), target)
			if target == "" {
				file = page
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: link [%s](%s) leads nowhere: %v", page, label, m[2], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(t, file), anchor) {
				t.Errorf("%s: link [%s](%s): %s has no such heading", page, label, m[2], file)
			}
			if name, ok := strings.CutPrefix(label, "`"); ok && path.Ext(file) == ".go" {
				name = strings.TrimSuffix(name, "`")
				if !declares(t, file, name) {
					t.Errorf("%s: link [%s](%s): %s does not declare %s", page, label, m[2], file, name)
				}
			}
		}
	}
}

// anchors returns the anchors of a page's headings.
func anchors(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if heading := strings.TrimLeft(line, "#"); heading != line {
			anchor := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(heading)), " ", "-")
			all = append(all, regexp.MustCompile(`[^\pL\d_-]`).ReplaceAllString(anchor, ""))
		}
	}
	return all
}

// declares reports whether a Go file declares a name, written as "Name",
// "Type.Method" or either behind its package's name.
func declares(t *testing.T, file, name string) bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	name = strings.TrimPrefix(name, parsed.Name.Name+".")
	for _, d := range parsed.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if name == d.Name.Name && d.Recv == nil || d.Recv != nil && name == receiver(d.Recv.List[0].Type)+"."+d.Name.Name {
				return true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.Name == name {
						return true
					}
				case *ast.ValueSpec:
					if slices.ContainsFunc(spec.Names, func(n *ast.Ident) bool { return n.Name == name }) {
						return true
					}
				}
			}
		}
	}
	return false
}

// receiver names the type that a method belongs to.
func receiver(e ast.Expr) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(types.ExprString(e), "*"), "[")
	return name
}

func TestCodeOfPagesIsCompiled(t *testing.T) {
	for page, text := range pages(t) {
		var sources []string
		for _, name := range compiled[page] {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, string(source))
		}
		for _, m := range fenced.FindAllStringSubmatch(text, -1) {
			if m[1] != "go" {
				continue
			}
			if !slices.ContainsFunc(sources, func(s string) bool { return strings.Contains(s, m[2]) }) {
				t.Errorf("%s: this code stands in none of %q:\n%s", page, compiled[page], m[2])
			}
		}
	}
}

// TestCommentsNamePagesThatExist holds that a comment which sends the reader to
// a page sends him to one that is there.
func TestCommentsNamePagesThatExist(t *testing.T) {
	packages, _ := house(t)
	named := regexp.MustCompile(`\bdocs/[\w/-]+\.md\b`)
	for _, p := range packages {
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			source, err := os.ReadFile(path.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, page := range named.FindAllString(string(source), -1) {
				if _, err := os.Stat(page); err != nil {
					t.Errorf("%s/%s names %s: %v", folder(p.ImportPath), name, page, err)
				}
			}
		}
	}
}

// TestRoomsAreInTheHouse holds that ARCHITECTURE.md names every package, so
// that a reader of the page knows all of the code.
func TestRoomsAreInTheHouse(t *testing.T) {
	packages, _ := house(t)
	architecture := pages(t)["ARCHITECTURE.md"]
	for _, p := range packages {
		name := folder(p.ImportPath)
		if top(p.ImportPath) == "examples" || name == "." || len(p.GoFiles) == 0 {
			continue
		}
		if !strings.Contains(architecture, "("+name+")") {
			t.Errorf("ARCHITECTURE.md has no link to %s, want a line for every package", name)
		}
	}
}

// noVerbs are the functions of package sdk that begin a job and make no dataset.
var noVerbs = []string{"Define", "Main", "Run", "By"}

// TestOperatorsPageNamesEveryVerb holds that a new verb gets its line.
func TestOperatorsPageNamesEveryVerb(t *testing.T) {
	files, err := fs.Glob(os.DirFS("."), "sdk/*.go")
	if err != nil {
		t.Fatal(err)
	}
	page := pages(t)["docs/operators.md"]
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || slices.Contains(noVerbs, f.Name.Name) {
				continue
			}
			if !strings.Contains(page, "`"+f.Name.Name+"`") {
				t.Errorf("docs/operators.md has no line for %s of %s", f.Name.Name, name)
			}
		}
	}
}

// TestReadmeNamesTheCommands holds that the README says how to run the tests in
// the words that the checks of a commit use.
func TestReadmeNamesTheCommands(t *testing.T) {
	ci, err := os.ReadFile(".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"make test", "make check"} {
		if !strings.Contains(pages(t)["README.md"], command) || !strings.Contains(string(ci), "step "+command) {
			t.Errorf("README.md and .ci/run do not both run %q", command)
		}
	}
}

// outputOf is where a command on a page writes to.
var outputOf = regexp.MustCompile(`--?output[ =](build/\S+)`)

// TestPagesWriteBesidePrograms holds that what a reader copies does not collide
// with the programs that make build puts into build/.
func TestPagesWriteBesidePrograms(t *testing.T) {
	var programs []string
	for _, pattern := range []string{"examples/*/main.go", "cmd/*/main.go"} {
		found, err := fs.Glob(os.DirFS("."), pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("Glob(%s) = %q, %v, want programs", pattern, found, err)
		}
		programs = append(programs, found...)
	}
	found := 0
	for page, text := range pages(t) {
		for _, m := range outputOf.FindAllStringSubmatch(text, -1) {
			found++
			for _, program := range programs {
				if m[1] == path.Join("build", path.Base(path.Dir(program))) {
					t.Errorf("%s: %s is where make build puts the program of %s", page, m[0], path.Dir(program))
				}
			}
		}
	}
	if found == 0 {
		t.Error("no page writes to build/: this test reads them wrongly")
	}
}
