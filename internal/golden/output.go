package golden

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// SameOutput compares the files of two outputs of the same job, byte for byte,
// and reports every difference as an error. Manifests are left out: they name
// the run.
func SameOutput(t testing.TB, got, want string) {
	t.Helper()
	g, w := contents(t, got), contents(t, want)
	if len(w) == 0 {
		t.Errorf("%s holds no file to compare with", want)
	}
	for name, content := range w {
		if other, ok := g[name]; !ok {
			t.Errorf("%s lacks %s of %s", got, name, want)
		} else if !bytes.Equal(other, content) {
			t.Errorf("%s differs from that in %s, %d bytes from %d", filepath.Join(got, name), want, len(other), len(content))
		}
	}
	for name := range g {
		if _, ok := w[name]; !ok {
			t.Errorf("%s has %s, and %s has not", got, name, want)
		}
	}
}

// manifest is the file of an output that names the run.
const manifest = "_SUCCESS.json"

func contents(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == manifest {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		all[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatalf("read the output: %v", err)
	}
	return all
}
