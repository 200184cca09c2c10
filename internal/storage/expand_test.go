//go:build linux

package storage

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
)

// makeTree makes a new working directory with the named files; a name that
// ends in a slash is a directory, "a -> b" a link.
func makeTree(t *testing.T, names ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, name := range names {
		link, target, isLink := strings.Cut(name, " -> ")
		if err := os.MkdirAll(filepath.Dir(link), 0o777); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case isLink:
			err = os.Symlink(target, link)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(name, 0o777)
		default:
			err = os.WriteFile(name, []byte(name), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func pathsOf(files []File) []string {
	paths := []string{}
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	return paths
}

func TestExpand(t *testing.T) {
	makeTree(t,
		"a.txt", "b.txt", "c.csv", ".hidden.txt", "_SUCCESS.json", "a,b.txt", "data[1].csv", "star*.x", "é.u",
		"in/z.txt", "in/10.txt", "in/9.txt", "in/.tmp/x.txt", "in/_old/x.txt", "in/sub/deep/q.txt", "in/sub/p.txt", "in/sub/_r.txt",
		"empty/", "onlydirs/d/e.txt",
		"link.txt -> a.txt", "inlink -> in", "loop/self -> .", "loop/f.txt", "loop/out -> ../in", "loop/l.txt -> f.txt",
		"year=1/a.csv", "year=2/a.csv", "year=2/b.csv")
	cases := []struct {
		name, patterns string
		want           []string
	}{
		{"file", "a.txt", []string{"a.txt"}},
		{"file written with a prefix", "./a.txt", []string{"./a.txt"}},
		{"hidden file by name", ".hidden.txt", []string{".hidden.txt"}},
		{"several keep their order", "b.txt,a.txt", []string{"b.txt", "a.txt"}},
		{"twice is once", "a.txt,./a.txt,a.*,in/../a.txt", []string{"a.txt"}},
		{"directory is recursive and sorted by path", "in", []string{"in/10.txt", "in/9.txt", "in/sub/deep/q.txt", "in/sub/p.txt", "in/z.txt"}},
		{"directory with a slash", "in/", []string{"in/10.txt", "in/9.txt", "in/sub/deep/q.txt", "in/sub/p.txt", "in/z.txt"}},
		{"hidden directory by name", "in/_old", []string{"in/_old/x.txt"}},
		{"empty directory", "empty", []string{}},
		{"star", "*.txt", []string{"a,b.txt", "a.txt", "b.txt", "link.txt"}},
		{"star does not cross directories", "in/*", []string{"in/10.txt", "in/9.txt", "in/z.txt"}},
		{"question mark is one character", "?.u", []string{"é.u"}},
		{"question mark needs one", "in/??.txt", []string{"in/10.txt"}},
		{"set", "[ab].txt", []string{"a.txt", "b.txt"}},
		{"range outside", "[!b-z].txt", []string{"a.txt"}},
		{"deep includes none", "in/**/*.txt", []string{"in/10.txt", "in/9.txt", "in/sub/deep/q.txt", "in/sub/p.txt", "in/z.txt"}},
		{"deep in the middle", "**/deep/*.txt", []string{"in/sub/deep/q.txt"}},
		{"deep at the end", "in/sub/**", []string{"in/sub/deep/q.txt", "in/sub/p.txt"}},
		{"deep twice", "in/**/**/q.txt", []string{"in/sub/deep/q.txt"}},
		{"deep does not follow links", "loop/**", []string{"loop/f.txt", "loop/l.txt"}},
		{"link to a directory by name", "inlink", []string{"inlink/10.txt", "inlink/9.txt", "inlink/sub/deep/q.txt", "inlink/sub/p.txt", "inlink/z.txt"}},
		{"link to a directory by star", "loop/o*/z.txt", []string{"loop/out/z.txt"}},
		{"braces", "{b,a}.txt", []string{"a.txt", "b.txt"}},
		{"braces with slashes, one missing", "{in/sub/p,nothing,a}.txt", []string{"a.txt", "in/sub/p.txt"}},
		{"braces of directories", "year={1,2}", []string{"year=1/a.csv", "year=2/a.csv", "year=2/b.csv"}},
		{"braces in braces", "year=2/{a,{b,c}}.csv", []string{"year=2/a.csv", "year=2/b.csv"}},
		{"braces with an empty text", "a.txt{,.gz}", []string{"a.txt"}},
		{"directories by a final slash", "year=*/", []string{"year=1/a.csv", "year=2/a.csv", "year=2/b.csv"}},
		{"name after a wildcard", "*/b.csv", []string{"year=2/b.csv"}},
		{"name of a hidden file after a wildcard", "in/*/_r.txt", []string{"in/sub/_r.txt"}},
		{"hidden by its first character", ".*.txt", []string{".hidden.txt"}},
		{"up again after a wildcard", "in/su*/../z.txt", []string{"in/sub/../z.txt"}},
		{"protected comma", `a\,b.txt`, []string{"a,b.txt"}},
		{"protected star", `star\*.x`, []string{"star*.x"}},
		{"a name that looks like a pattern", "data[1].csv", []string{"data[1].csv"}},
		{"minus in a set", "c.cs[-v]", []string{"c.csv"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files, err := Expand(context.Background(), c.patterns)
			if err != nil {
				t.Fatalf("Expand(%q) = %v, want no error", c.patterns, err)
			}
			if got := pathsOf(files); !slices.Equal(got, c.want) {
				t.Errorf("Expand(%q) = %q, want %q", c.patterns, got, c.want)
			}
		})
	}
}

func TestExpandDescribesTheFileBehindALink(t *testing.T) {
	makeTree(t, "long-name.txt", "l -> long-name.txt")
	files, err := Expand(context.Background(), "l,lon*")
	if err != nil || len(files) != 2 {
		t.Fatalf("Expand = %v, %v, want two files", files, err)
	}
	if files[0].Path != "l" || files[0].Size != 13 || files[0].Inode == 0 || files[0].Inode != files[1].Inode || files[0].ModNanos == 0 {
		t.Errorf("Expand = %+v, want the version of the file", files)
	}
	if got := files[0].Split(); got.Path != "l" || got.Length != 13 || got.Size != 13 || got.Inode != files[0].Inode || got.ModNanos != files[0].ModNanos {
		t.Errorf("Split() = %+v, want the whole file pinned", got)
	}
}

// TestExpandDoesNotTrustCleanedPaths has a link that makes x/../a.txt and a.txt
// two files: listing one of them only would lose data.
func TestExpandDoesNotTrustCleanedPaths(t *testing.T) {
	makeTree(t, "a.txt", "other/a.txt", "other/sub/", "x -> other/sub")
	files, err := Expand(context.Background(), "a.txt,x/../a.txt")
	if err != nil || len(files) != 2 {
		t.Errorf("Expand = %v, %v, want both files", pathsOf(files), err)
	}
}

func TestExpandErrors(t *testing.T) {
	makeTree(t, "books/one.txt", "books/.h.csv", "only/dir/", "file.txt", "dangling -> nowhere", "dangles/x.txt -> gone", "circle -> circle")
	if err := syscall.Mkfifo("pipe", 0o666); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, patterns string
		want           []string // parts of the message
	}{
		{"nothing", "", []string{"no input is named"}},
		{"blank", "  ", []string{"no input is named"}},
		{"missing file", "books/nothing-like-it", []string{`no such input: "books/nothing-like-it"`, `"books" has no "nothing-like-it"`}},
		{"similar name", "boks/one.txt", []string{`did you mean "books"`}},
		{"similar name below", "books/One.tx", []string{`did you mean "books/one.txt"`}},
		{"missing far down", "books/x/y/z", []string{`"books" has no "x"`}},
		{"file as a directory", "file.txt/x", []string{`"file.txt" is a file`}},
		{"file with a slash", "file.txt/", []string{"no such input"}},
		{"home", "~/x", []string{"$HOME"}},
		{"space", " file.txt", []string{"without the space"}},
		{"no match", "books/*.parquet", []string{`no input file matches "books/*.parquet"`, "spelling"}},
		{"no match below a missing directory", "boks/*.txt", []string{`did you mean "books"`}},
		{"second of two", "file.txt,*.nope", []string{`"*.nope"`}},
		{"only hidden", "books/*.csv", []string{"hidden", `"books/.h.csv"`}},
		{"only directories", "only/*", []string{"only directories", `"only/dir"`, "/**"}},
		{"dangling link", "dangling", []string{`link to "nowhere"`}},
		{"dangling link in a directory", "dangles", []string{`"dangles/x.txt" is a link to "gone"`}},
		{"circle of links", "circle", []string{"circle", "symbolic links"}},
		{"pipe", "pipe", []string{"named pipe"}},
		{"zero byte", "a\x00b", []string{"invalid argument"}},
		{"too long", strings.Repeat("x", 5000), []string{"file name too long"}},
		{"object store", "s3://bucket/x", []string{"s3:// is not supported"}},
		{"file scheme", "file:///x", []string{`the plain path "/x"`}},
		{"comma at the end", "file.txt,", []string{"character 10", "between the commas"}},
		{"two commas", "a,,b", []string{"character 3"}},
		{"open bracket", "é[a", []string{"character 2", `\[`}},
		{"backward range", "[z-a]", []string{"character 1", "backwards"}},
		{"slash in a set", "[a/b]", []string{"never closed"}},
		{"open brace", "x{a,b", []string{"character 2", `\{`}},
		{"closing brace", "xa}", []string{"character 3", `\}`}},
		{"backslash at the end", `x\`, []string{"character 2", "backslash"}},
		{"two stars in a name", "logs/**.txt", []string{"character 6", "alone between slashes"}},
		{"two stars by braces", "a{**,b}", []string{"character 3", "alone between slashes"}},
		{"too many alternatives", strings.Repeat("{a,b}", 13), []string{"too many alternatives"}},
		{"alternatives too long", strings.Repeat("{a,b}", 12) + strings.Repeat("x", 1000), []string{"too many alternatives"}},
		{"braces too deep", strings.Repeat("{", 40) + strings.Repeat("}", 40), []string{"nested too deeply"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			files, err := Expand(context.Background(), c.patterns)
			if err == nil {
				t.Fatalf("Expand(%q) = %v, want an error", c.patterns, pathsOf(files))
			}
			if got := fault.KindOf(err); got != fault.Invalid {
				t.Errorf("Expand(%q) = %q of kind %v, want %v", c.patterns, err, got, fault.Invalid)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Expand(%q) = %q, want %q in it", c.patterns, err, part)
				}
			}
		})
	}
}

func TestExpandPassesOverPipesInDirectories(t *testing.T) {
	makeTree(t, "in/a.txt")
	if err := syscall.Mkfifo("in/pipe", 0o666); err != nil {
		t.Fatal(err)
	}
	files, err := Expand(context.Background(), "in,in/*")
	if got := pathsOf(files); err != nil || !slices.Equal(got, []string{"in/a.txt"}) {
		t.Errorf("Expand = %q, %v, want in/a.txt", got, err)
	}
}

func TestExpandUnreadableDirectory(t *testing.T) {
	makeTree(t, "in/open/a.txt", "in/shut/b.txt", "in/plain.txt")
	for _, dir := range []string{".", "in", "in/open"} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod("in/shut", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod("in/shut", 0o755) })
	for _, patterns := range []string{"in", "in/**/*.txt", "in/shut/*", "in/shut"} {
		err := asNobody(func() error {
			_, err := Expand(context.Background(), patterns)
			return err
		})
		if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), `"in/shut/"`) || !strings.Contains(err.Error(), "make it readable") {
			t.Errorf("Expand(%q) = %v of kind %v, want an unreadable directory named", patterns, err, fault.KindOf(err))
		}
	}
	if err := asNobody(func() error { _, err := Expand(context.Background(), "in/*.txt"); return err }); err != nil {
		t.Errorf("Expand beside the unreadable directory = %v, want no error", err)
	}
}

// asNobody runs f without the right to read everything that tests run as root
// have: on a thread of its own whose file accesses are another user's.
func asNobody(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if os.Getuid() == 0 {
			syscall.Setfsgid(65534)
			syscall.Setfsuid(65534)
		}
		done <- f()
	}()
	return <-done
}

func TestExpandCanceled(t *testing.T) {
	makeTree(t, "in/a.txt")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Expand(ctx, "in"); fault.KindOf(err) != fault.Canceled {
		t.Errorf("Expand with a canceled context = %v of kind %v, want %v", err, fault.KindOf(err), fault.Canceled)
	}
}
