package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

func TestGolden(t *testing.T) {
	lines := sheaftest.Run(t, sortRows, Args{
		Input: "testdata/rows.txt,testdata/more.txt", Output: filepath.Join(t.TempDir(), "sorted"), RowBytes: 16, KeyBytes: 6,
	})
	golden.CheckLines(t, "testdata/sorted.txt", lines)
}

func TestBadLayout(t *testing.T) {
	for _, test := range []struct {
		name     string
		row, key int
		want     string
	}{
		{"no row", 0, 10, "--row-bytes is 0"},
		{"a negative row", -5, 10, "--row-bytes is -5"},
		{"no key", 100, 0, "--key-bytes is 0"},
		{"a negative key", 100, -1, "--key-bytes is -1"},
		{"a key longer than its row", 8, 10, "--key-bytes is 10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := Args{Input: "testdata/rows.txt", Output: filepath.Join(t.TempDir(), "sorted"), RowBytes: test.row, KeyBytes: test.key}
			if _, err := sdk.Run(t.Context(), sortRows, args); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Run(%+v) = %v, want %q in the error", args, err, test.want)
			}
		})
	}
}

// rowsOf returns rows of 100 bytes that end in a newline, so that GNU sort can
// read them as lines: a key, the row's number among all, and filler. With few
// keys most rows share theirs with others.
func rowsOf(rng *rand.Rand, first, count, keys int) []byte {
	var b bytes.Buffer
	for i := range count {
		key := rng.Uint64N(uint64(keys))
		// Filler comes before the number, so that rows with equal keys are in order
		// only if the sort is stable, and not because their bytes happen to be.
		fmt.Fprintf(&b, "%010x%032x%016x%041d\n", key, rng.Uint64(), first+i, 0)
	}
	return b.Bytes()
}

// TestEqualToGNU sorts the same rows by GNU sort, whose -s keeps the order of
// rows with equal keys, and lets the check of this example look at the output.
func TestEqualToGNU(t *testing.T) {
	check := compile(t, "./check")
	for _, test := range []struct {
		name   string
		files  int
		rows   int // of all files
		keys   int
		memory int64 // bytes
		sort   []string
	}{
		{"unique keys", 3, 60_000, 1 << 40, 0, []string{"-s", "-k1.1,1.10"}},
		{"whole rows as keys", 2, 30_000, 1 << 40, 0, nil},
		{"many rows a key", 3, 60_000, 50, 0, []string{"-s", "-k1.1,1.10"}},
		{"one key", 2, 30_000, 1, 0, []string{"-s", "-k1.1,1.10"}},
		{"spilled", 4, 120_000, 5000, 8 << 20, []string{"-s", "-k1.1,1.10"}},
		{"one row", 1, 1, 1, 0, []string{"-s", "-k1.1,1.10"}},
		{"no row", 1, 0, 1, 0, []string{"-s", "-k1.1,1.10"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			seed := rand.Uint64()
			rng := rand.New(rand.NewPCG(seed, 0))
			dir := t.TempDir()
			var files []string
			for i := range test.files {
				files = append(files, filepath.Join(dir, fmt.Sprintf("rows-%d.dat", i)))
				rows := rowsOf(rng, i*test.rows/test.files, test.rows/test.files, test.keys)
				if err := os.WriteFile(files[i], rows, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			args := Args{Input: strings.Join(files, ","), Output: filepath.Join(dir, "sorted"), RowBytes: 100, KeyBytes: 10}
			if test.sort == nil {
				args.KeyBytes = 100
			}
			res, err := sdk.Run(t.Context(), sortRows, args, sdk.Options{Tmp: []string{t.TempDir()}, MemoryBytes: test.memory})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if test.name == "spilled" && res.SpilledBytes == 0 {
				t.Errorf("nothing was spilled with %d bytes of memory", test.memory)
			}
			out, err := exec.Command(check, "--input", args.Input, "--output", args.Output, "--key-bytes", fmt.Sprint(args.KeyBytes)).CombinedOutput()
			if err != nil {
				t.Errorf("seed %d: %s", seed, out)
			}
			if want := gnuSort(t, files, test.sort); !bytes.Equal(contentOf(t, args.Output), want) {
				t.Errorf("seed %d: the output differs from that of GNU sort %v", seed, test.sort)
			}
		})
	}
}

// compile builds a program and returns its path.
func compile(t *testing.T, pkg string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	if out, err := exec.Command("go", "build", "-o", program, pkg).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return program
}

func gnuSort(t *testing.T, files, flags []string) []byte {
	t.Helper()
	version, err := exec.Command("sort", "--version").Output()
	if err != nil || !bytes.Contains(version, []byte("GNU")) {
		t.Skipf("SKIPPED: the comparison with GNU sort: it is not installed: %v", err)
	}
	cmd := exec.Command("sort", append(flags, files...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	sorted, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	return sorted
}

// contentOf returns the output's files, one after the other by name.
func contentOf(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "part-*")) // sorted by Glob
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	return all
}
