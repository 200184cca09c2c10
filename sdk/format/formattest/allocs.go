package formattest

import (
	"bytes"
	"testing"

	"github.com/sheafdata/sheaf/internal/graph"
)

// CheckWriteAllocations writes rows again and again by a format and reports an
// error if that allocates more than once: for all the rows, not for each.
func CheckWriteAllocations[T any](t *testing.T, f graph.Format[T], rows []T) {
	t.Helper()
	var buf bytes.Buffer
	buf.Grow(1 << 20)
	w, err := f.NewWriter(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(10, func() {
		buf.Reset()
		if err := w.Write(rows); err != nil {
			t.Fatal(err)
		}
	}); got > 1 {
		t.Errorf("writing %d rows allocates %v times, want at most once", len(rows), got)
	}
}
