package powerloss

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

const roleVariable = "SHEAF_POWERLOSS_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(roleVariable); dir != "" {
		if err := errors.Join(Join(), child(dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// child writes a file as it should be done, with all that there is on the way.
func child(dir string) error {
	path := func(name string) string { return filepath.Join(dir, name) }
	err := os.MkdirAll(path("sub/below"), 0o777)
	f, createErr := os.Create(path("sub/new"))
	err = errors.Join(err, createErr)
	if err != nil {
		return err
	}
	_, err = f.WriteString("hello ")
	_, err2 := f.WriteString("world")
	_, err3 := f.WriteAt([]byte("H"), 0)
	err = errors.Join(err, err2, err3, f.Sync(), f.Close())
	if _, err := fmt.Println("written"); err != nil {
		return err
	}
	err = errors.Join(err, os.Rename(path("sub/new"), path("sub/file")), syncDir(path("sub")))
	if _, err := fmt.Println("named"); err != nil {
		return err
	}
	log, openErr := os.OpenFile(path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if openErr != nil {
		return openErr
	}
	_, err4 := log.WriteString("1\n")
	_, err5 := log.WriteString("2\n")
	err = errors.Join(err, err4, err5, log.Truncate(100), log.Close(), os.Link(path("log"), path("log2")))
	return errors.Join(err, os.Remove(path("log")), os.RemoveAll(path("sub/below")), os.WriteFile(path("old"), []byte("other"), 0o666))
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// watchChild watches child and skips the test where that cannot be done.
func watchChild(t *testing.T, stop int) (*Trace, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "old"), []byte("is safe"), 0o666); err != nil {
		t.Fatal(err)
	}
	trace, err := Begin(dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), roleVariable+"="+dir), os.Stderr
	err = trace.Watch(cmd, stop)
	if errors.Is(err, ErrUnsupported) {
		t.Skipf("SKIPPED: loss of power: %v", err)
	}
	return trace, err
}

// TestWatch watches a process, and compares what was seen with what it did; Watch
// compares the files.
func TestWatch(t *testing.T) {
	trace, err := watchChild(t, -1)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range trace.Len() {
		_, what, _ := strings.Cut(trace.What(i), ", ")
		got = append(got, what)
	}
	want := []string{
		"mkdir sub", "mkdir sub/below", "create sub/new", "write 6 bytes at 0 of sub/new", "write 5 bytes at 6 of sub/new", "write 1 bytes at 0 of sub/new",
		"sync sub/new", `say "written\n"`, "rename sub/new, sub/file", "sync sub", `say "named\n"`,
		"create log", "write 2 bytes at 0 of log", "write 2 bytes at 2 of log", "truncate log to 100", "link log, log2",
		"unlink log", "unlink sub/below", "rmdir sub/below", "truncate old to 0", "write 5 bytes at 0 of old",
	}
	if !slices.Equal(got, want) {
		t.Errorf("operations %q, want %q", got, want)
	}
	if got := trace.Said(8); got != "written\n" {
		t.Errorf("said %q before operation 8", got)
	}
}

// TestWatchKills ends a process before one of its operations.
func TestWatchKills(t *testing.T) {
	trace, err := watchChild(t, 3)
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != -1 {
		t.Errorf("Watch = %v, want the kill", err)
	}
	if trace.Len() != 3 {
		t.Errorf("%d operations, want 3", trace.Len())
	}
	if left, err := os.ReadFile(filepath.Join(trace.root, "sub/new")); err != nil || len(left) > 0 {
		t.Errorf("file has %d bytes, %v, want none", len(left), err)
	}
}

// tree is a directory as text: names with contents, directories without.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if !e.IsDir() {
			data, err := os.ReadFile(path)
			lines = append(lines, fmt.Sprintf("%s=%q", name, data))
			return err
		}
		lines = append(lines, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, " ")
}

// traceOf is a trace without a process.
func traceOf(ops ...op) *Trace { return &Trace{start: &Disk{root: newDir()}, ops: ops} }

// outcomes are the trees that losses leave at the end of a trace.
func outcomes(t *testing.T, trace *Trace, losses []Loss, ignored ...int) []string {
	t.Helper()
	var last *Disk
	for _, last = range trace.Crashes(ignored...) {
	}
	found := map[string]bool{}
	for _, l := range losses {
		dir := t.TempDir()
		if err := last.Crash(l, dir); err != nil {
			t.Fatal(err)
		}
		found[tree(t, dir)] = true
	}
	var list []string
	for text := range found {
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

// TestLoss has what each kind of operation may leave, with and without its sync.
func TestLoss(t *testing.T) {
	create, write := op{kind: opCreate, path: "a"}, op{kind: opWrite, path: "a", data: []byte("xy")}
	syncFile, syncRoot := op{kind: opSync, path: "a"}, op{kind: opSync, path: "."}
	safeFile := []op{create, write, syncFile, syncRoot}
	named := Drawn(1, 40)
	for i := range named {
		named[i].Bytes = Kept
	}
	for _, c := range []struct {
		name   string
		ops    []op
		losses []Loss
		want   []string
	}{
		{"nothing synced", []op{create, write}, Corners()[:3], []string{``, `a=""`, `a="\x00\x00"`, `a="xy"`}},
		{"the file alone", []op{create, write, syncFile}, Corners(), []string{``, `a="xy"`}},
		{"the name alone", []op{create, write, syncRoot}, []Loss{{Lost, Lost, 1}, {Kept, Kept, 1}, {Lost, Zeros, 1}}, []string{`a=""`, `a="\x00\x00"`, `a="xy"`}},
		{"both", safeFile, append(Corners(), Drawn(1, 20)...), []string{`a="xy"`}},
		{"a rename", append(safeFile[:4:4], op{kind: opRename, path: "a", to: "b"}), named, []string{`a="xy"`, `b="xy"`}},
		{"a rename, synced", append(safeFile[:4:4], op{kind: opRename, path: "a", to: "b"}, syncRoot), named, []string{`b="xy"`}},
		{"a removal", append(safeFile[:4:4], op{kind: opUnlink, path: "a"}), named, []string{``, `a="xy"`}},
		{
			"a move to another directory, of which one is synced",
			append(safeFile[:4:4], op{kind: opMkdir, path: "d"}, syncRoot, op{kind: opRename, path: "a", to: "d/a"}, op{kind: opSync, path: "d"}),
			named,
			[]string{`d d/a="xy"`},
		},
		{
			"a name in a directory whose own name is not safe",
			[]op{{kind: opMkdir, path: "d"}, {kind: opCreate, path: "d/a"}, {kind: opSync, path: "d"}},
			named,
			[]string{``, `d d/a=""`},
		},
		{
			"an exchange",
			append(safeFile[:4:4], op{kind: opCreate, path: "b"}, syncRoot, op{kind: opExchange, path: "a", to: "b"}),
			named,
			[]string{`a="" b="xy"`, `a="xy" b=""`},
		},
		{
			"what was made after the last sync may come without what was made before",
			[]op{create, {kind: opCreate, path: "b"}},
			named,
			[]string{``, `a=""`, `a="" b=""`, `b=""`},
		},
		{"a file that was cut", append(safeFile[:4:4], op{kind: opTruncate, path: "a", offset: 1}), Corners(), []string{`a="x"`, `a="xy"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			losses := c.losses
			if c.name == "nothing synced" {
				losses = append(losses, Loss{Kept, Lost, 1}, Loss{Kept, Kept, 1}, Loss{Kept, Zeros, 1})
			}
			slices.Sort(c.want)
			if got := outcomes(t, traceOf(c.ops...), losses); !slices.Equal(got, c.want) {
				t.Errorf("a loss leaves %q, want %q", got, c.want)
			}
		})
	}
}

// TestIgnoredSync has a disk that does not do as it is told.
func TestIgnoredSync(t *testing.T) {
	trace := traceOf(op{kind: opCreate, path: "a"}, op{kind: opSync, path: "."}, op{kind: opSync, path: "."})
	if got := trace.Syncs(); !slices.Equal(got, []int{1}) {
		t.Errorf("syncs that count: %v, want the first", got)
	}
	if got := outcomes(t, trace, Corners(), 1, 2); len(got) != 2 {
		t.Errorf("a loss leaves %q after syncs that did not happen, want the file or nothing", got)
	}
}
