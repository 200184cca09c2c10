package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test that keeps what it is told.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, test := range []struct {
		name, want, got string
		shown           []string // in the error; none if there is no error
	}{
		{"the same text", "a\nb\n", "a\nb\n", nil},
		{"no bytes", "", "", nil},
		{"the same bytes", "\xff\x00", "\xff\x00", nil},
		{"another line", "one\ntwo\nthree\n", "one\nzwei\nthree\n", []string{path, "-rewrite", "two", "zwei"}},
		{"no line end", "one\ntwo\n", "one\ntwo", []string{path}},
		{"another byte", "\xff\xa1\xa2", "\xff\xa1\xa3", []string{path, "0xa2", "0xa3"}},
		{"bytes for text", "text", "\xff", []string{path}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(test.want), 0o666); err != nil {
				t.Fatal(err)
			}
			var r recorder
			Check(&r, path, test.got)
			Check(&r, path, []byte(test.got))
			if len(test.shown) == 0 {
				if len(r.errors) > 0 {
					t.Errorf("Check(%q) of %q reports %q, want nothing", test.got, test.want, r.errors)
				}
				return
			}
			if len(r.errors) != 2 {
				t.Fatalf("Check(%q) of %q, twice, reports %q, want two errors", test.got, test.want, r.errors)
			}
			for _, shown := range test.shown {
				if !strings.Contains(r.errors[0], shown) {
					t.Errorf("Check(%q) of %q reports %s, want %q in it", test.got, test.want, r.errors[0], shown)
				}
			}
		})
	}
}

func TestCheckLines(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"no line", nil, ""},
		{"one line", []string{"one"}, "one\n"},
		{"an empty line among others", []string{"one", "", "three"}, "one\n\nthree\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, []byte(test.want), 0o666); err != nil {
				t.Fatal(err)
			}
			CheckLines(t, path, test.lines)
		})
	}
}

func TestRewrite(t *testing.T) {
	before := *rewrite
	*rewrite = true
	defer func() { *rewrite = before }()
	path := filepath.Join(t.TempDir(), "testdata", "file")
	for _, got := range []string{"first", "second"} {
		Check(t, path, got)
		if content := string(Content(t, path, got)); content != got {
			t.Errorf("Content(%q) with -rewrite = %q, want the same", got, content)
		}
	}
}
