// Package sheaftest is the test kit for users of the SDK: it runs jobs inside
// go test, on the engine that runs them elsewhere, in milliseconds. Tests may
// run in parallel. What a job spills goes to the test's temporary directory.
// CheckAggregator looks for splits that an aggregator gets wrong.
// Package minicluster, below this one, runs jobs on a whole cluster instead.
package sheaftest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/sheafdata/sheaf/executor/task"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format"
)

// Run runs a job with its arguments and returns the rows that it wrote as
// lines, destination after destination and file after file; compressed files
// are read too. The order of the lines is that of the output, which for
// unordered datasets means nothing: sort them before you compare. An error of
// the job ends the test.
func Run[A any](t testing.TB, job *sdk.Job[A], args A) []string {
	t.Helper()
	res, err := sdk.Run(t.Context(), job, args, options(t))
	if err != nil {
		t.Fatalf("job %s: %v", job.Name(), err)
	}
	return written(t, res)
}

// Drive runs a driver as Run runs a job.
func Drive[A any](t testing.TB, driver *sdk.Driver[A], args A) []string {
	t.Helper()
	res, err := sdk.RunDriver(t.Context(), driver, args, options(t))
	if err != nil {
		t.Fatalf("driver %s: %v", driver.Name(), err)
	}
	return written(t, res)
}

func written(t testing.TB, res *sdk.Result) []string {
	t.Helper()
	var lines []string
	for _, dir := range res.Destinations {
		lines = append(lines, Lines(t, dir)...)
	}
	return lines
}

// Rows runs a job that consists of what build makes and returns the rows of
// the dataset: the way to test one step of a pipeline with rows from
// sdk.Values. Rows of a sorted dataset come in order. An error ends the test.
func Rows[T any](t testing.TB, build func(p *sdk.Pipeline) sdk.Dataset[T]) []T {
	t.Helper()
	var rows []T
	job := sdk.Define(t.Name(), func(p *sdk.Pipeline, _ struct{}) error {
		sdk.Collect(build(p), func(all []T) error {
			rows = all
			return nil
		})
		return nil
	})
	if _, err := sdk.Run(t.Context(), job, struct{}{}, options(t)); err != nil {
		t.Fatalf("%v", err)
	}
	return rows
}

// Lines returns the lines of all files of a destination that a job has
// published, in the order of its manifest. An incomplete destination ends the
// test.
func Lines(t testing.TB, dir string) []string {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(dir, "_SUCCESS.json"))
	if err != nil {
		t.Fatalf("%s is no complete output: %v", dir, err)
	}
	var s task.Success
	if err := json.Unmarshal(manifest, &s); err != nil {
		t.Fatalf("manifest of %s: %v", dir, err)
	}
	var lines []string
	for _, f := range s.Files {
		content, err := format.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			t.Fatalf("output file: %v", err)
		}
		for line := range bytes.Lines(content) {
			lines = append(lines, string(bytes.TrimSuffix(line, []byte("\n"))))
		}
	}
	return lines
}

// options keep what a tiny job allocates tiny.
func options(t testing.TB) sdk.Options {
	return sdk.Options{Tmp: []string{t.TempDir()}, MemoryBytes: memoryBytes}
}

// memoryBytes is the budget of a job in a test: small enough that tests in
// parallel do not need a large machine.
const memoryBytes = 256 << 20
