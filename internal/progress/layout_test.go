package progress

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/golden"
)

// gallery is what a layout has to cope with.
func gallery() []figures {
	return []figures{
		{Stage: Stage{Name: "text.Read", Started: true}},
		{Stage: Stage{Name: "text.Read → FlatMap → Count", Known: true, Started: true, Tasks: 1200, Done: 340, Running: 16, BytesTotal: 100, Bytes: 30},
			rowsPerSecond: 99_900_000, bytesPerSecond: 1023 << 20, left: 59*time.Minute + 59*time.Second, hasLeft: true},
		{Stage: Stage{Name: "a stage with a name that is longer than any terminal is wide, whatever one does about it: Count → Join", Known: true, Started: true, Tasks: 8, Done: 1, Running: 2, Failed: 12},
			rowsPerSecond: 12, bytesPerSecond: 900},
		{Stage: Stage{Name: "読み込み → 集計\x1b[2J\n", Known: true, Started: true, Tasks: 0}},
		{Stage: Stage{Name: "Sort", Known: true, Started: true, Ended: true, Tasks: 3, Done: 3, BytesTotal: 10, Bytes: 9}, took: 4200 * time.Millisecond},
	}
}

func TestLayout(t *testing.T) {
	var b strings.Builder
	for _, width := range []int{40, 60, 80, 100, 140} {
		var l layout
		l.fit(gallery(), width-1)
		fmt.Fprintf(&b, "--- %d columns\n", width)
		for _, s := range gallery() {
			line := l.stage(s)
			if got := cells.StringWidth(line); got >= width {
				t.Errorf("at %d columns stage %q takes %d: %q", width, s.Name, got, line)
			}
			b.WriteString(line + "\n")
		}
		b.WriteString(l.job(frame{Snapshot: Snapshot{Name: "wordcount", State: Running, Elapsed: time.Minute}, stages: gallery()}, 2, false) + "\n")
	}
	golden.Check(t, "testdata/layout.txt", b.String())
}

func TestLayoutFitsAnyWidth(t *testing.T) {
	for width := 1; width < 200; width++ {
		var l layout
		l.fit(gallery(), width)
		for _, s := range gallery() {
			if line := l.stage(s); width >= minWidth && cells.StringWidth(line) > width {
				t.Errorf("at %d columns stage %q takes %d: %q", width, s.Name, cells.StringWidth(line), line)
			}
		}
	}
}

func TestColorsAreClosed(t *testing.T) {
	l := layout{colors: choosePalette(func(string) string { return "" })}
	l.fit(gallery(), 100)
	for _, s := range gallery() {
		line := l.stage(s)
		if opened, closed := strings.Count(line, "\x1b["), strings.Count(line, l.colors.reset); opened != 2*closed {
			t.Errorf("line %q opens %d colours and closes %d", line, opened-closed, closed)
		}
	}
	if p := choosePalette(func(string) string { return "1" }); p != (palette{}) {
		t.Errorf("choosePalette with NO_COLOR = %+v, want no colours", p)
	}
}

func TestClip(t *testing.T) {
	tests := []struct{ stages, lines, shown, hidden int }{
		{0, 10, 0, 0}, {3, 10, 3, 0}, {10, 10, 10, 0}, {11, 10, 10, 1}, {3, 0, 1, 2}, {3, -5, 1, 2},
	}
	for _, test := range tests {
		shown, hidden := clip(make([]figures, test.stages), test.lines)
		if len(shown) != test.shown || hidden != test.hidden {
			t.Errorf("clip(%d stages, %d lines) = %d, %d, want %d, %d", test.stages, test.lines, len(shown), hidden, test.shown, test.hidden)
		}
	}
}
