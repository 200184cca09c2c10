package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sheafdata/sheaf/bench/dataset"
	"github.com/sheafdata/sheaf/bench/jobs/profile"
)

func TestProfileEnv(t *testing.T) {
	if profileEnv != profile.Env {
		t.Errorf("profileEnv = %q, want what the jobs read, %q", profileEnv, profile.Env)
	}
}

// TestDataIsKeptWhileItIsWhole holds that data is made once, and again when
// somebody has changed or cut it.
func TestDataIsKeptWhileItIsWhole(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := &place{root: root, programs: filepath.Join(dir, "programs"), data: dir, scratch: t.TempDir()}
	spec := dataset.Spec{Kind: dataset.Sort, Size: 10}
	file, err := p.provide(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte(nil), want...)
	damaged[500] ^= 1
	for _, c := range []struct {
		name    string
		content []byte // nil leaves the file
		kept    bool
	}{
		{"untouched", nil, true},
		{"a bit flipped", damaged, false},
		{"cut", want[:900], false},
		{"empty", []byte{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.content != nil {
				if err := os.WriteFile(file, c.content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.provide(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(file)
			if err != nil || string(got) != string(want) {
				t.Errorf("provide(%v) gave %d bytes, %v, want the %d of the generator", spec, len(got), err, len(want))
			}
			after, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if kept := os.SameFile(before, after); kept != c.kept {
				t.Errorf("file was kept: %t, want %t", kept, c.kept)
			}
		})
	}
}
