package ending

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/plan"
)

func TestTeller(t *testing.T) {
	whole := Figures{
		Job: "00ff", Elapsed: 1234 * time.Millisecond, RowsIn: 1234567, BytesIn: 5 << 20, RowsOut: 89, BytesOut: 1000,
		ShuffleBytes: 2048, SpilledBytes: 1, BadRows: 1203, Tasks: 12, PeakMemory: 64 << 20, Destinations: []string{"out/<a>", "b"},
		Counters: []plan.Counter{{Name: "rows.invalid", Value: 1234}, {Name: "<balance>", Value: -5}},
		HotKeys: []plan.HotKey{
			{Operator: "GroupByKey", At: "jobs/main.go:12", Key: `"alice <&>"`, Hash: 0xabc, Rows: 5000, Bytes: 3 << 20, MissedBytes: 7, TotalBytes: 4 << 20},
			{Operator: "Join", At: "jobs/main.go:20", Hash: 0xdef0, Rows: 12, Bytes: 1 << 20, TotalBytes: 9 << 20},
		},
	}
	failure := &fault.Error{Kind: fault.User, Detail: "main.f\n\tmain.go:7\n", Err: errors.New("row 7 is wrong")}
	var b strings.Builder
	for _, json := range []bool{false, true} {
		tell := &Teller{Out: &b, Job: "wordcount", JSON: json}
		tell.Done(whole)
		tell.Done(Figures{Job: "00ff"})
		tell.Failed(errors.New("no kind"))
		tell.Failed(failure)
		tell.Misused(errors.New("unknown flag --x"))
		tell.Canceled("canceled by ada")
		tell.Interrupted("interrupted: nothing was published")
		tell.Detached("detached: the job goes on", "sheaf attach 00ff", "sheaf cancel 00ff")
	}
	golden.Check(t, filepath.Join("testdata", "endings.txt"), b.String())
}

func TestFailedKeepsTheTerminalWhole(t *testing.T) {
	var b strings.Builder
	tell := &Teller{Out: &b, Job: "wordcount"}
	tell.Failed(&fault.Error{Kind: fault.User, Detail: "main.f\n\tmain.go:7\x1b[2J\n", Err: errors.New("row \x1b]0;title\x07 is\rwrong\u009b1m: größer → 7")})
	want := "wordcount: row  ]0;title  is wrong 1m: größer → 7\n\nmain.f\n\tmain.go:7 [2J\n"
	if got := b.String(); got != want {
		t.Errorf("Failed wrote %q, want %q", got, want)
	}
}

func TestThousands(t *testing.T) {
	tests := map[int64]string{
		0: "0", 999: "999", 1000: "1,000", -1: "-1", -999: "-999", -1000: "-1,000", 1234567: "1,234,567",
		math.MaxInt64: "9,223,372,036,854,775,807", math.MinInt64: "-9,223,372,036,854,775,808",
	}
	for n, want := range tests {
		if got := Thousands(n); got != want {
			t.Errorf("Thousands(%d) = %s, want %s", n, got, want)
		}
	}
}
