package task

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
	"github.com/sheafdata/sheaf/shuffle"
)

// badJob writes the lines of ten batches, but for three of which one panics.
func badJob(t *testing.T, limit int64) (j *job, r *Runtime, dest string) {
	t.Helper()
	rows := manyRows(100)
	dest = filepath.Join(t.TempDir(), "out")
	stage, err := storage.CreateStage(dest, testJob)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stage.Close(); err != nil {
			t.Error(err)
		}
	})
	j = newJob(t)
	j.g.BadLimit = &plan.BadLimit{Rows: limit}
	upper := j.mapped(j.read(10, rows...), strings.ToUpper)
	checked := j.fused(upper, operator.TryMap(jointsOf[string](t), func(_ *operator.Context, s string) (string, error) {
		switch s {
		case strings.ToUpper(rows[33]), strings.ToUpper(rows[57]):
			return "", fmt.Errorf("%s is no good", s)
		case strings.ToUpper(rows[59]):
			panic("very bad")
		}
		return s, nil
	}))
	j.write(checked, dest)
	return j, j.runtime(""), dest
}

// TestQuarantine checks what becomes of three bad rows of a hundred: they are
// written down and published beside the others, in the same way by each attempt.
func TestQuarantine(t *testing.T) {
	j, r, dest := badJob(t, 3)
	var results []plan.Result
	for number := 1; number <= 2; number++ {
		a := attempt(0, 100)
		a.Attempt.Number = number
		res, err := j.run(r, a)
		if err != nil {
			t.Fatal(err)
		}
		if f := res.Figures; f.BadRows != 3 || f.SourceRows != 100 || f.SinkRows != 97 || len(res.BadRows) != 3 || len(res.Files) != 2 {
			t.Fatalf("Run = %+v, want 3 bad rows of 100 and 2 files", res)
		}
		results = append(results, res)
	}
	if got, want := results[0].BadRows[0], (plan.BadRow{Place: "line 33", Problem: strings.ToUpper(manyRows(100)[33]) + " is no good"}); got != want {
		t.Errorf("the first bad row is %+v, want %+v", got, want)
	}
	for i, f := range results[0].Files {
		if other := results[1].Files[i]; f.XXH3 != other.XXH3 || f.Quarantine != (i == 1) {
			t.Errorf("file %+v, the other attempt wrote %+v", f, other)
		}
	}
	publish := &plan.Assignment{
		Work: plan.Publish, Files: results[1].Files,
		Attempt: plan.AttemptID{Job: testJob, Task: plan.TaskID{Stage: plan.PublishStage}, Number: 1},
	}
	if _, err := j.run(r, publish); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dest, QuarantineDirectory, "part-00000.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	// Where a panic was is a path of this machine.
	lines := strings.Split(string(content), "\n")
	for i, line := range lines {
		if before, after, ok := strings.Cut(line, " (at "); ok {
			_, after, _ = strings.Cut(after, ")")
			lines[i] = before + " (at FILE:LINE)" + after
		}
	}
	golden.Check(t, filepath.Join("testdata", "quarantine.golden"), strings.Join(lines, "\n"))
	manifest, err := os.ReadFile(filepath.Join(dest, storage.SuccessName))
	if err != nil {
		t.Fatal(err)
	}
	var s Success
	if err := json.Unmarshal(manifest, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Files) != 1 || s.Rows != 97 || len(s.Quarantine) != 1 || s.Quarantine[0].Rows != 3 || s.Quarantine[0].Bytes != int64(len(content)) {
		t.Errorf("manifest %s, want one file of 97 rows and one of 3 in quarantine", manifest)
	}
}

// TestTooManyBadRows checks that an attempt ends when it alone has too many, and
// leaves nothing behind.
func TestTooManyBadRows(t *testing.T) {
	j, r, dest := badJob(t, 2)
	_, err := j.run(r, attempt(0, 100))
	if want := "3 rows are bad, more than the 2 that MaxBadRows allows; the first: line 33: "; fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
		t.Errorf("Run = %v of kind %v, want kind Invalid and %q", err, fault.KindOf(err), want)
	}
	staged, err := filepath.Glob(filepath.Join(filepath.Dir(dest), ".sheaf-stage-*", "files", "*"))
	if err != nil || len(staged) > 0 {
		t.Errorf("staged files %q, %v, want none", staged, err)
	}
}

// TestCanceledIsNotBad checks that rows are not to blame when functions give up
// because their attempt shall stop.
func TestCanceledIsNotBad(t *testing.T) {
	j := newJob(t)
	j.g.BadLimit = &plan.BadLimit{Rows: 100}
	ctx, cancel := context.WithCancel(t.Context())
	j.collect(j.fused(j.read(10, manyRows(10)...), operator.TryMap(jointsOf[string](t), func(c *operator.Context, s string) (string, error) {
		cancel()
		return s, c.Err()
	})))
	res, err := j.runtime("").Run(ctx, attempt(0, 10), new(shuffle.Count))
	if err == nil || !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %+v, %v, want that it was canceled", res, err)
	}
}

func TestClip(t *testing.T) {
	for _, s := range []string{"", "short", "12345678", "123456789", "größer als", "\xff\xfe\xfd", strings.Repeat("\xff", 20), "aaaaa→→"} {
		got := clip(s, 8)
		if len(got) > 8 || !utf8.ValidString(got) || len(s) <= 8 && utf8.ValidString(s) && got != s {
			t.Errorf("clip(%q) = %q, want at most 8 bytes of text", s, got)
		}
	}
}
