package task

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// published runs a job of two tasks with files and one without, and publishes.
func published(t *testing.T, dest string) *Runtime {
	t.Helper()
	j := newJob(t)
	j.write(j.mapped(j.read(2, "to be", "or not", "to be", "that is", "the question"), strings.ToUpper), "out")
	r := j.runtime(`{"input":"hamlet.txt","output":"out"}`)
	r.Graph.Plan.Sinks[0].Destination = dest // not a part of the fingerprint: it differs from test to test
	stage, err := storage.CreateStage(dest, testJob)
	if err != nil {
		t.Fatal(err)
	}
	var files []plan.StagedFile
	for i, n := range []int64{3, 0, 2} {
		a := attempt(0, 0)
		a.Attempt.Task.Index = i
		a.Splits = []plan.Split{{Offset: []int64{0, 3, 3}[i], Length: n}}
		res, err := j.run(r, a)
		if err != nil {
			t.Fatalf("Run: %v", err)
		}
		if want := min(n, 1); int64(len(res.Files)) != want {
			t.Errorf("task %d of %d rows staged %d files, want %d", i, n, len(res.Files), want)
		}
		files = append(files, res.Files...)
	}
	publish := &plan.Assignment{
		Work: plan.Publish, Files: files,
		Attempt: plan.AttemptID{Job: testJob, Task: plan.TaskID{Stage: plan.PublishStage}, Number: 1},
	}
	for range 2 { // after a crash it may run again
		if _, err := j.run(r, publish); err != nil {
			t.Fatalf("Publish: %v", err)
		}
	}
	if err := stage.Close(); err != nil {
		t.Error(err)
	}
	return r
}

// TestSuccessFile compares the manifest with the golden file, which
// docs/format/success.md shows.
func TestSuccessFile(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	published(t, dest)
	got, err := os.ReadFile(filepath.Join(dest, storage.SuccessName))
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/success.golden", got)
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "format", "success.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), string(got)) {
		t.Errorf("docs/format/success.md does not show the golden file")
	}
}

// TestSuccessTells checks that the manifest says the truth about the files.
func TestSuccessTells(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	published(t, dest)
	text, err := os.ReadFile(filepath.Join(dest, storage.SuccessName))
	if err != nil {
		t.Fatal(err)
	}
	var s Success
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	names := []string{storage.SuccessName}
	var rows, bytes int64
	for _, f := range s.Files {
		content, err := os.ReadFile(filepath.Join(dest, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		lines := int64(strings.Count(string(content), "\n"))
		sum := fmt.Sprintf("%x", xxh3.Hash128(content).Bytes())
		if want := (SuccessFile{Name: f.Name, Rows: lines, Bytes: int64(len(content)), XXH3: sum}); f != want {
			t.Errorf("manifest says %+v, the file is %+v", f, want)
		}
		names, rows, bytes = append(names, f.Name), rows+f.Rows, bytes+f.Bytes
	}
	if s.Rows != rows || s.Bytes != bytes || rows != 5 {
		t.Errorf("manifest sums up to %d rows and %d bytes, want %d and %d", s.Rows, s.Bytes, rows, bytes)
	}
	entries, err := os.ReadDir(dest)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(names, e.Name()) {
			t.Errorf("the output holds %s, which the manifest does not list", e.Name())
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(dest)); err != nil || len(entries) != 1 {
		t.Errorf("beside the output there are %v, %v, want nothing", entries, err)
	}
}

func TestDiscard(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	j := newJob(t)
	j.write(j.read(2, "a", "b"), dest)
	r := j.runtime("")
	stage, err := storage.CreateStage(dest, testJob)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.run(r, attempt(0, 2)); err != nil {
		t.Fatalf("Run: %v", err)
	}
	discard := &plan.Assignment{Work: plan.Discard, Attempt: plan.AttemptID{Job: testJob, Task: plan.TaskID{Stage: plan.PublishStage}}}
	for range 2 {
		if _, err := j.run(r, discard); err != nil {
			t.Errorf("Discard: %v", err)
		}
	}
	if _, err := j.run(r, attempt(0, 2)); err == nil {
		t.Errorf("an attempt after Discard staged a file, want an error")
	}
	if err := stage.Close(); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(dest)); err != nil || len(entries) != 0 {
		t.Errorf("Discard left %v, %v", entries, err)
	}
}

// TestPublishExisting leaves alone what came into being meanwhile.
func TestPublishExisting(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	j := newJob(t)
	j.write(j.read(2, "a", "b"), dest)
	r := j.runtime("")
	stage, err := storage.CreateStage(dest, testJob)
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	res, err := j.run(r, attempt(0, 2))
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	if err := os.Mkdir(dest, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = j.run(r, &plan.Assignment{Work: plan.Publish, Files: res.Files, Attempt: plan.AttemptID{Job: testJob, Task: plan.TaskID{Stage: plan.PublishStage}}})
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("Publish = %v of kind %v, want kind Invalid", err, fault.KindOf(err))
	}
	if err := stage.Discard(); err != nil {
		t.Error(err)
	}
}

func TestDigits(t *testing.T) {
	for count, want := range map[int]int{0: 5, 1: 5, 100_000: 5, 100_001: 6, 1_000_000: 6, 1_000_001: 7} {
		if got := digits(count); got != want {
			t.Errorf("digits(%d) = %d, want %d", count, got, want)
		}
	}
}
