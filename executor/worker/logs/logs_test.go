package logs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/plan"
)

func id(n int) plan.AttemptID {
	return plan.AttemptID{Job: plan.JobID{0xab}, Task: plan.TaskID{Stage: 1, Index: n}, Number: 1}
}

func newLog(t testing.TB, limits Limits) *Log {
	t.Helper()
	l, err := Create(filepath.Join(t.TempDir(), "log"), limits)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// all returns what is left of a log, and the offset at which that begins.
func all(t testing.TB, dir string, bufBytes int) (string, int64) {
	t.Helper()
	var b strings.Builder
	begin, offset := int64(-1), int64(0)
	for buf := make([]byte, bufBytes); ; {
		n, next, err := Read(dir, buf, offset)
		if err != nil {
			t.Fatal(err)
		}
		if next == offset {
			return b.String(), max(begin, 0)
		}
		if n > 0 && begin < 0 {
			begin = offset
		}
		b.Write(buf[:n])
		offset = next
	}
}

// TestAppend writes pieces of many sizes through files of few bytes.
func TestAppend(t *testing.T) {
	tests := []struct{ fileBytes, pieces, pieceBytes int }{
		{10, 3, 3}, {10, 3, 10}, {10, 7, 1}, {10, 5, 11}, {10, 2, 100}, {1 << 20, 50, 1000},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			l := newLog(t, Limits{FileBytes: int64(test.fileBytes), Files: 3})
			var want bytes.Buffer
			for i := range test.pieces {
				piece := bytes.Repeat([]byte{byte('a' + i%26)}, test.pieceBytes)
				want.Write(piece)
				l.Append(piece)
			}
			if end := l.End(); end != int64(want.Len()) {
				t.Errorf("End() = %d, want %d", end, want.Len())
			}
			if err := l.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
			got, begin := all(t, l.dir, 7)
			if got != want.String()[begin:] || len(got) > 3*test.fileBytes || want.Len() <= 2*test.fileBytes && begin > 0 {
				t.Errorf("from %d there is %q, want the end of %q", begin, got, want.String())
			}
		})
	}
}

func TestExtents(t *testing.T) {
	l := newLog(t, Limits{})
	l.Append([]byte("before\n"))
	l.Begin(id(0), 0)
	l.Append([]byte("alone\n"))
	l.Finish(id(0), 3) // three bytes are still in a pipe
	l.Begin(id(1), 3)
	l.Append([]byte("zz\n"))
	l.Append([]byte("first\n"))
	l.Begin(id(2), 0)
	l.Append([]byte("both\n"))
	l.Finish(id(1), 0)
	l.Append([]byte("second\n"))
	if e, err := Find(l.dir, id(2)); err != nil || e.End != running || !e.Shared {
		t.Errorf("Find of one that runs = %+v, %v", e, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text, _ := all(t, l.dir, 100)
	tests := []struct {
		n      int
		want   string
		shared bool
	}{{0, "alone\nzz\n", false}, {1, "first\nboth\n", true}, {2, "both\nsecond\n", true}}
	for _, test := range tests {
		e, err := Find(l.dir, id(test.n))
		if err != nil || text[e.Begin:e.End] != test.want || e.Shared != test.shared {
			t.Errorf("Find(%d) = %+v, %v, want %q, shared %v", test.n, e, err, test.want, test.shared)
		}
	}
	if _, err := Find(l.dir, id(3)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Find of an attempt that never was = %v, want kind invalid", err)
	}
	index, err := os.ReadFile(filepath.Join(l.dir, indexName))
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/attempts_v1.golden", index)
}

func TestIndexIsBounded(t *testing.T) {
	l := newLog(t, Limits{Attempts: 2})
	for n := range 4 {
		if got, want := l.Begin(id(n), 0), n < 2; got != want {
			t.Errorf("Begin(%d) = %v, want %v", n, got, want)
		}
		l.Finish(id(n), 0)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestDiskFails goes on counting when the disk does not take the log.
func TestDiskFails(t *testing.T) {
	l := newLog(t, Limits{FileBytes: 4})
	l.Append([]byte("abc"))
	if err := os.RemoveAll(l.dir); err != nil {
		t.Fatal(err)
	}
	l.Append([]byte("defgh"))
	if l.End() != 8 {
		t.Errorf("End() = %d, want 8", l.End())
	}
	if err := l.Close(); err == nil {
		t.Error("Close() = nil, want the disk's error")
	}
}

// TestDamagedIndex meets every truncation and every flipped bit: an error or
// extents that make sense, and no attempt's end before its begin.
func TestDamagedIndex(t *testing.T) {
	l := newLog(t, Limits{})
	l.Begin(id(0), 0)
	l.Append([]byte("x"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(l.dir, indexName))
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		checkIndex(t, whole[:n])
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[n] ^= 1 << bit
			checkIndex(t, flipped)
		}
	}
}

func checkIndex(t *testing.T, data []byte) {
	t.Helper()
	err := readIndex(bytes.NewReader(data), func(e Extent) {
		if e.Begin < 0 || e.End != running && e.End < e.Begin {
			t.Errorf("index %q gives %+v", data, e)
		}
	})
	if err != nil && fault.KindOf(err) != fault.Corrupt {
		t.Errorf("index %q: %v of kind %v, want kind corrupt", data, err, fault.KindOf(err))
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"attempt":{"job":"ab000000000000000000000000000000","task":{"stage":1,"index":0},"epoch":0,"number":1},"begin":7,"end":-1}` + "\n"))
	f.Add([]byte("{}\n{\"begin\":2,\"end\":1}\n"))
	f.Fuzz(func(t *testing.T, data []byte) { checkIndex(t, data) })
}

// TestForeignFiles reads a directory in which others have left files.
func TestForeignFiles(t *testing.T) {
	l := newLog(t, Limits{})
	l.Append([]byte("text"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"log-", "log-12", "log--000000000000000001", "log-99999999999999999999", "core"} {
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte("foreign"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := all(t, l.dir, 100); got != "text" {
		t.Errorf("the log reads %q, want %q", got, "text")
	}
}
