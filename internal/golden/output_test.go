package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSameOutput(t *testing.T) {
	type files = map[string]string
	for _, test := range []struct {
		name      string
		got, want files
		shown     []string // an error each
	}{
		{"the same", files{"a": "1", "sub/b": "2"}, files{"a": "1", "sub/b": "2"}, nil},
		{"another manifest", files{"a": "1", "_SUCCESS.json": "x"}, files{"a": "1", "_SUCCESS.json": "y"}, nil},
		{"another byte", files{"a": "1", "b": "2"}, files{"a": "1", "b": "3"}, []string{"b differs"}},
		{"a file too few", files{"a": "1"}, files{"a": "1", "sub/b": ""}, []string{"lacks sub/b"}},
		{"a file too many", files{"a": "1", "b": ""}, files{"a": "1"}, []string{"has b"}},
		{"nothing", files{}, files{}, []string{"no file to compare with"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, want := t.TempDir(), t.TempDir()
			for dir, all := range map[string]files{got: test.got, want: test.want} {
				for name, content := range all {
					path := filepath.Join(dir, name)
					if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
						t.Fatal(err)
					}
				}
			}
			var r recorder
			SameOutput(&r, got, want)
			if len(r.errors) != len(test.shown) {
				t.Fatalf("SameOutput(%v, %v) reports %q, want %q", test.got, test.want, r.errors, test.shown)
			}
			for i, shown := range test.shown {
				if !strings.Contains(r.errors[i], shown) {
					t.Errorf("SameOutput(%v, %v) reports %q, want %q in it", test.got, test.want, r.errors[i], shown)
				}
			}
		})
	}
}
