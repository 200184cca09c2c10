package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/bench/dataset"
)

// place is where programs and data lie: in the repository's build folder.
type place struct {
	root     string
	programs string
	data     string
	scratch  string // of this run; removed at its end
}

func newPlace(ctx context.Context) (*place, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("find the repository: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	if _, err := os.Stat(filepath.Join(root, "bench", "jobs")); err != nil {
		return nil, errors.New("run this inside the repository: go run ./bench")
	}
	p := &place{root: root, programs: filepath.Join(root, "build", "bench-programs"), data: filepath.Join(root, "build", "bench-data")}
	for _, dir := range []string{p.programs, p.data} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	p.scratch, err = os.MkdirTemp(filepath.Join(root, "build"), "bench-run-")
	return p, err
}

// clear removes what the run left.
func (p *place) clear() error { return os.RemoveAll(p.scratch) }

// build compiles a program below bench/ and returns its file.
func (p *place) build(ctx context.Context, program string) (string, error) {
	return p.compile(ctx, "bench/"+program, filepath.Join(p.programs, filepath.FromSlash(program)))
}

// compile compiles the program in a folder of the repository.
func (p *place) compile(ctx context.Context, folder, file string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", file, "./"+folder)
	cmd.Dir = p.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", folder, err, strings.TrimSpace(string(out)))
	}
	return file, nil
}

// cluster compiles what runs programs on a cluster, and returns the command line
// before the program's.
func (p *place) cluster(ctx context.Context) ([]string, error) {
	run, err := p.build(ctx, "oncluster")
	if err != nil {
		return nil, err
	}
	sheaf, err := p.compile(ctx, "cmd/sheaf", filepath.Join(p.programs, "sheaf"))
	return []string{run, sheaf, tmpMark}, err
}

// published are the hashes of the data of full size: figures of different
// machines can only be compared when they are of the same data.
var published = map[dataset.Spec]string{
	{Kind: dataset.Text, Size: fullTextBytes}:        "1dd1a2a1fb1a3da0",
	{Kind: dataset.Sort, Size: fullSortRows}:         "08e8dc0b49031ed6",
	{Kind: dataset.Sales, Size: fullSalesRows}:       "76910243876ebb02",
	{Kind: dataset.Distinct, Size: fullDistinctRows}: "edff1f21044258c3",
	{Kind: dataset.Skew, Size: fullSkewRows}:         "e48a7b1bbcefdea7",
}

// provide returns the file with some data: the one that was kept, if its size
// and hash are still what they were, or a new one.
func (p *place) provide(ctx context.Context, spec dataset.Spec) (string, error) {
	file := filepath.Join(p.data, spec.File())
	seal := file + ".xxh3"
	if want, err := os.ReadFile(seal); err == nil {
		got, err := sealOf(file)
		if err == nil && got == string(want) && isPublished(spec, got) {
			return file, nil
		}
	}
	generate, err := p.build(ctx, "generate")
	if err != nil {
		return "", err
	}
	// Under another name until it is complete, for a run that is interrupted.
	part := filepath.Join(p.scratch, spec.File())
	if _, err := execute(ctx, command{argv: []string{generate, spec.String(), part}}); err != nil {
		return "", err
	}
	got, err := sealOf(part)
	if err != nil {
		return "", err
	}
	if !isPublished(spec, got) {
		return "", fmt.Errorf("data %v has %s, want xxh3 %s: the generator has changed, or this processor rounds otherwise", spec, strings.TrimSpace(got), published[spec])
	}
	if err := os.Rename(part, file); err != nil {
		return "", err
	}
	return file, os.WriteFile(seal, []byte(got), 0o644)
}

// isPublished reports whether data of full size has its published hash.
func isPublished(spec dataset.Spec, seal string) bool {
	return strings.HasSuffix(strings.TrimSpace(seal), published[spec])
}

// sealOf is the size and the hash of a file. Reading it brings the file into
// the page cache, so that the first run is no slower than the others.
func sealOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := xxh3.New()
	n, err := io.Copy(h, f)
	return fmt.Sprintf("%d bytes, xxh3 %016x\n", n, h.Sum64()), err
}

// provideInput returns the path of a workload's input, the file behind it, and
// its bytes. Many copies of a file are links to it.
func (p *place) provideInput(ctx context.Context, in input) (path, file string, size int64, err error) {
	if in.spec == (dataset.Spec{}) {
		return "", "", 0, nil
	}
	file, err = p.provide(ctx, in.spec)
	if err != nil {
		return "", "", 0, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", "", 0, err
	}
	if in.copies == 0 {
		return file, file, info.Size(), nil
	}
	dir := filepath.Join(p.scratch, "input")
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755)); err != nil {
		return "", "", 0, err
	}
	for i := range in.copies {
		if err := os.Link(file, filepath.Join(dir, strconv.FormatInt(1000+i, 10)+filepath.Ext(file))); err != nil {
			return "", "", 0, err
		}
	}
	return dir, file, info.Size() * in.copies, nil
}
