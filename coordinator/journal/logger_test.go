package journal

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestLoggerRepeatsItselfSeldom: what is said of a peer that is away fills no disk,
// and hides nothing that is said of another one.
func TestLoggerRepeatsItselfSeldom(t *testing.T) {
	var out bytes.Buffer
	l := newLogger(slog.New(slog.NewTextHandler(&out, nil)), false)
	for i := range 100 {
		l.Error("failed to heartbeat to", "peer", "b", "error", i)
		l.Named("raft").Error("failed to heartbeat to", "peer", "c", "error", i)
		l.Warn("heartbeat timeout reached", "last", "b")
	}
	if lines := strings.Count(out.String(), "\n"); lines != 3 {
		t.Errorf("%d lines, want one for each peer and the warning:\n%s", lines, out.String())
	}
}
