package sheaf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The rules of the house: which way imports point, what each part links, how
// packages are called. An exception to a rule stands in exceptions, with its
// reason; one that is no longer needed fails the test as well.

const module = "github.com/sheafdata/sheaf"

// floors gives each top-level folder its floor. Every import points down, or
// stays in its folder; folders on one floor do not know each other.
var floors = map[string]int{
	"examples": 5, "bench": 5,
	"sdk": 4, "cmd": 4,
	"executor":    3,
	"coordinator": 2, "shuffle": 2,
	"internal": 1,
	"api":      0,
}

// links lists what packages must not link, directly or through others. A
// pattern ends with "/..." for a folder with all below it. Packages of this
// module are named by their folder.
var links = []struct {
	who    []string
	but    []string // of who: whom the rule spares
	never  []string
	except []string // of never
	reason string
}{
	{
		who:    []string{"internal/..."},
		never:  []string{"examples/...", "bench/...", "sdk/...", "cmd/...", "executor/...", "coordinator/...", "shuffle/..."},
		reason: "internal holds vocabulary only",
	},
	{
		who:    []string{"coordinator/schedule"},
		never:  []string{"..."},
		except: []string{"coordinator/schedule", "internal/plan", "internal/fault"},
		reason: "the scheduler is a pure state machine over plan and fault",
	},
	{
		who:    []string{"shuffle/block", "shuffle/store", "shuffle/transfer", "executor", "executor/worker/...", "coordinator/...", "cmd/..."},
		never:  []string{"github.com/apache/arrow/..."},
		reason: "a damaged Arrow buffer can kill a process beyond recover, so only user programs link Arrow",
	},
	{
		who: []string{"sdk/..."},
		// A test that asks for a cluster gets its daemons, and a package of its own
		// keeps them out of every other test.
		but: []string{"sdk/sheaftest/minicluster"},
		never: []string{
			"github.com/hashicorp/memberlist", "github.com/hashicorp/raft", "github.com/hashicorp/raft-wal/...",
			"internal/gossip", "executor", "executor/worker/...", "coordinator/...", "cmd/...",
		},
		except: []string{"coordinator/schedule"},
		reason: "a user's program carries no daemon; local mode drives the schedule core alone",
	},
	{
		who:    []string{"cmd/..."},
		never:  []string{"github.com/spf13/cobra/doc", "github.com/cpuguy83/go-md2man/..."},
		reason: "a test makes the man pages, so that the program does not carry what they are made with",
	},
	{
		who:    []string{"examples/...", "bench/...", "cmd/..."},
		never:  []string{"sdk/sheaftest/..."},
		reason: "the test kit is for tests",
	},
	{
		who:    []string{"..."},
		never:  []string{"internal/oracle"},
		reason: "an oracle is for tests: no program carries it",
	},
	{
		who:    []string{"internal/wire/...", "executor/task", "executor/local"},
		never:  []string{"net/http/..."},
		reason: "a user's program speaks with its executor over an inherited socket",
	},
	{
		who:    []string{"internal/wire/...", "sdk", "executor/task", "executor/local", "executor/program", "executor/worker/..."},
		never:  []string{"connectrpc.com/...", "api/sheaf/v1/sheafv1connect"},
		reason: "a user's program calls no service: it reads map outputs of other executors over HTTP and nothing else",
	},
	{
		who: []string{"sdk"},
		never: []string{
			"github.com/apache/arrow/go/v15/arrow/compute", "github.com/apache/arrow/go/v15/arrow/ipc/...", "github.com/apache/arrow/go/v15/parquet/...",
			"gocloud.dev/...", "github.com/prometheus/...", "go.opentelemetry.io/...",
		},
		reason: "a plain job stays near 10 MB: heavy packages are linked by those who import them",
	},
}

// soleUsers names packages of others that one folder of ours alone imports: it
// stands between them and everything else.
var soleUsers = map[string]string{
	"github.com/hashicorp/memberlist": "internal/gossip",
}

// impure lists what the scheduler must not import of the standard library:
// everything arrives in events, so that a journal replays to the same state.
var impure = []string{"context", "crypto/rand", "hash/maphash", "io/...", "log/...", "math/rand/...", "net/...", "os/...", "runtime/...", "sync/...", "syscall", "testing/..."}

// pureTime is what the scheduler may use of package time: its units.
var pureTime = []string{"Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour"}

// banned are names that say nothing about a package.
var banned = []string{"util", "utils", "common", "helper", "helpers", "types", "misc", "base"}

// exceptions maps "package: offence" to the reason why it stands.
var exceptions = map[string]string{
	"api/sheaf/v1: is package sheafv1": "the folder is named by the schema's package sheaf.v1, and v1 says nothing where it is imported",
}

// pkg is what go list says about a package.
type pkg struct {
	ImportPath   string
	Name         string
	Doc          string
	Dir          string
	Standard     bool
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	Deps         []string
}

// folder returns the package's folder in this module; other packages keep
// their import path.
func folder(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

func ours(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

// matches reports whether a package is named by a pattern. The pattern "..."
// names all packages of this module.
func matches(importPath, pattern string) bool {
	if pattern == "..." {
		return ours(importPath)
	}
	name := folder(importPath)
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == below || strings.HasPrefix(name, below+"/")
	}
	return name == pattern
}

func matchesAny(importPath string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(importPath, p) })
}

var list = sync.OnceValues(func() (map[string]*pkg, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Name,Doc,Dir,Standard,GoFiles,TestGoFiles,XTestGoFiles,Imports,Deps", "./...")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, errors.New("go list: " + string(exit.Stderr))
	}
	if err != nil {
		return nil, err
	}
	all := make(map[string]*pkg)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(pkg)
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all[p.ImportPath] = p
	}
})

// house returns this module's packages by name, and a function that reports an
// offence unless it is excepted.
func house(t *testing.T) ([]*pkg, func(p *pkg, offence, reason string)) {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Fatal(err)
	}
	var packages []*pkg
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if ours(name) {
			packages = append(packages, all[name])
		}
	}
	if len(packages) == 0 {
		t.Fatal("go list names no package of this module")
	}
	return packages, func(p *pkg, offence, reason string) {
		t.Helper()
		key := folder(p.ImportPath) + ": " + offence
		needed.Store(key, true)
		if exceptions[key] == "" {
			t.Errorf("%s (%s)", key, reason)
		}
	}
}

// needed holds the offences that were found, excepted or not.
var needed sync.Map

func TestHouse(t *testing.T) {
	t.Run("floors", testFloors)
	t.Run("links", testLinks)
	t.Run("sole users", testSoleUsers)
	t.Run("pure scheduler", testPureScheduler)
	t.Run("names", testNames)
	t.Run("comments", testComments)
	t.Run("format", testFormat)
	t.Run("length", testLength)
	t.Run("skips", testSkips)
	t.Run("exceptions", func(t *testing.T) {
		for key, reason := range exceptions {
			if _, ok := needed.Load(key); !ok {
				t.Errorf("exception %q (%s) is not needed any more: remove it", key, reason)
			}
		}
	})
}

func top(importPath string) string {
	first, _, _ := strings.Cut(folder(importPath), "/")
	return first
}

func testFloors(t *testing.T) {
	packages, offend := house(t)
	for _, p := range packages {
		if top(p.ImportPath) == "." {
			continue
		}
		floor, ok := floors[top(p.ImportPath)]
		if !ok {
			offend(p, "stands on no floor", "give its top folder a floor in house_test.go")
			continue
		}
		for _, imported := range p.Imports {
			if ours(imported) && top(imported) != top(p.ImportPath) && floors[top(imported)] >= floor {
				offend(p, "imports "+folder(imported), "imports point down")
			}
		}
	}
}

func testLinks(t *testing.T) {
	packages, offend := house(t)
	for _, rule := range links {
		for _, p := range packages {
			if !matchesAny(p.ImportPath, rule.who) {
				continue
			}
			spared, uses := matchesAny(p.ImportPath, rule.but), false
			for _, dep := range p.Deps {
				if !matchesAny(dep, rule.never) || matchesAny(dep, rule.except) {
					continue
				}
				if uses = true; !spared {
					offend(p, "links "+folder(dep), rule.reason)
				}
			}
			if spared && !uses {
				t.Errorf("%s needs no exception from the rule that %s: remove it", folder(p.ImportPath), rule.reason)
			}
		}
	}
}

func testSoleUsers(t *testing.T) {
	packages, offend := house(t)
	for _, p := range packages {
		for _, imported := range p.Imports {
			if user := soleUsers[imported]; user != "" && folder(p.ImportPath) != user {
				offend(p, "imports "+imported, "that is for "+user+" alone")
			}
		}
	}
}

func testPureScheduler(t *testing.T) {
	packages, offend := house(t)
	for _, p := range packages {
		if !matches(p.ImportPath, "coordinator/schedule") {
			continue
		}
		for _, imported := range p.Imports {
			if matchesAny(imported, impure) {
				offend(p, "imports "+imported, "the scheduler is a pure state machine")
			}
		}
		for _, name := range timeUses(t, p) {
			if !slices.Contains(pureTime, name) {
				offend(p, "uses time."+name, "time arrives in events")
			}
		}
	}
}

// timeUses lists what a package names of package time.
func timeUses(t *testing.T, p *pkg) []string {
	t.Helper()
	uses := make(map[string]bool)
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := selector.X.(*ast.Ident); ok && x.Name == "time" {
					uses[selector.Sel.Name] = true
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(uses))
}

func testNames(t *testing.T) {
	packages, offend := house(t)
	for _, p := range packages {
		for part := range strings.SplitSeq(folder(p.ImportPath), "/") {
			if slices.Contains(banned, part) {
				offend(p, "is called "+part, "a name says what a package is responsible for")
			}
		}
		if last := path.Base(p.ImportPath); p.Name != "main" && len(p.GoFiles) > 0 && p.Name != last && top(p.ImportPath) != "." {
			offend(p, "is package "+p.Name, "the folder and the package have one name")
		}
	}
}

func testComments(t *testing.T) {
	packages, offend := house(t)
	for _, p := range packages {
		switch {
		case len(p.GoFiles) == 0:
		case p.Doc == "":
			offend(p, "has no package comment", "say what it is responsible for")
		case p.Name != "main" && !strings.HasPrefix(p.Doc, "Package "+p.Name+" "):
			offend(p, "has a package comment that does not begin with its name", "begin with \"Package "+p.Name+"\"")
		}
	}
}

// maxLines bounds a file that people write: what is longer has two topics.
const maxLines = 500

func testLength(t *testing.T) {
	packages, offend := house(t)
	for _, p := range packages {
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(text, []byte("// Code generated ")) && bytes.Count(text, []byte("\n")) > maxLines {
				offend(p, fmt.Sprintf("holds %s of more than %d lines", name, maxLines), "split it by topic")
			}
		}
	}
}

// skipped begins the text of a test that cannot run here.
const skipped = `"SKIPPED: `

func testSkips(t *testing.T) {
	packages, offend := house(t)
	for _, p := range packages {
		for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			for _, call := range quietSkips(t, filepath.Join(p.Dir, name)) {
				offend(p, "skips quietly in "+name+" by "+call, "say \"SKIPPED: what: why\"")
			}
		}
	}
}

// quietSkips lists the calls of a file by which a test skips itself without
// saying loudly what is not tested.
func quietSkips(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var quiet []string
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		of, ok := method.X.(*ast.Ident)
		if !ok || !slices.Contains([]string{"t", "b", "f"}, of.Name) {
			return true
		}
		switch method.Sel.Name {
		case "SkipNow":
			quiet = append(quiet, of.Name+".SkipNow")
		case "Skip", "Skipf":
			if !loud(call.Args) {
				quiet = append(quiet, of.Name+"."+method.Sel.Name)
			}
		}
		return true
	})
	return quiet
}

func loud(args []ast.Expr) bool {
	if len(args) == 0 {
		return false
	}
	text, ok := args[0].(*ast.BasicLit)
	return ok && strings.HasPrefix(text.Value, skipped)
}

func testFormat(t *testing.T) {
	packages, offend := house(t)
	for _, p := range packages {
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			formatted, err := format.Source(text)
			if err != nil {
				t.Fatalf("%s: %v", filepath.Join(p.Dir, name), err)
			}
			if !bytes.Equal(text, formatted) {
				offend(p, "holds "+name+", which is not formatted", "run make format")
			}
		}
	}
}
