package gossip

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestParseLine(t *testing.T) {
	tests := []struct {
		line  string
		level slog.Level
		text  string
	}{
		{"[DEBUG] memberlist: Stream connection from=1\n", slog.LevelDebug, "Stream connection from=1"},
		{"[INFO] memberlist: Suspect a has failed\n", slog.LevelInfo, "Suspect a has failed"},
		{"[WARN] memberlist: Refuting [x] y", slog.LevelWarn, "Refuting [x] y"},
		{"[ERR] memberlist: failed", slog.LevelWarn, "failed"},
		{"[ERROR] memberlist: failed", slog.LevelWarn, "failed"},
		{"[ERR] Failed to shutdown", slog.LevelWarn, "Failed to shutdown"},
		{"Err: Could not set the deadline", slog.LevelWarn, "Err: Could not set the deadline"},
		{"[x] y", slog.LevelWarn, "[x] y"},
		{"", slog.LevelWarn, ""},
		{"[WARN] " + strings.Repeat("é", maxLineBytes), slog.LevelWarn, strings.Repeat("é", maxLineBytes/2) + "…"},
		{"[WARN] e" + strings.Repeat("é", maxLineBytes), slog.LevelWarn, "e" + strings.Repeat("é", maxLineBytes/2-1) + "…"},
	}
	for _, test := range tests {
		if level, text := parseLine(test.line); level != test.level || text != test.text {
			t.Errorf("parseLine(%q) = %v, %q, want %v, %q", test.line, level, text, test.level, test.text)
		}
	}
}

func TestLogIsBounded(t *testing.T) {
	var out bytes.Buffer
	now := time.Now()
	ended := make(chan struct{})
	w := &logWriter{log: slog.New(slog.NewTextHandler(&out, nil)), now: func() time.Time { return now }, stop: ended}
	write := func(times int, line string) {
		for range times {
			if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
				t.Fatalf("Write(%q) = %d, %v", line, n, err)
			}
		}
	}
	check := func(when string, want int) {
		t.Helper()
		if got := strings.Count(out.String(), "\n"); got != want {
			t.Errorf("%s: %d lines, want %d:\n%s", when, got, want, out.String())
		}
		out.Reset()
	}
	write(5, "[DEBUG] memberlist: x\n")
	check("below the level", 0)
	write(logLines+7, "[WARN] memberlist: x\n")
	check("many at once", logLines)
	now = now.Add(logWhile)
	write(1, "[WARN] memberlist: x\n")
	if !strings.Contains(out.String(), "lines=7") {
		t.Errorf("the log says %q, want how many lines were dropped", out.String())
	}
	check("later", 2)
	close(ended)
	write(1, "[WARN] memberlist: x\n")
	check("after the end", 0)
}
