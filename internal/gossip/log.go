package gossip

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// logWriter passes the lines of memberlist's log to a slog.Logger. Whoever
// reaches the port can cause lines, and some cost a write while memberlist holds
// a lock, so there is a bound to how many are logged in a while. Who asks for
// debugging gets all of that.
type logWriter struct {
	log  *slog.Logger
	now  func() time.Time
	stop <-chan struct{} // closed when nothing is worth a line any more

	mu      sync.Mutex // guards what follows
	since   time.Time  // when the present while began
	lines   int
	dropped int
}

const (
	logLines = 30
	logWhile = time.Minute
	// maxLineBytes cuts lines that hold what others sent.
	maxLineBytes = 512
)

// Write implements io.Writer. Package log calls it once a line.
func (w *logWriter) Write(p []byte) (int, error) {
	level, text := parseLine(string(p))
	if !w.log.Enabled(context.Background(), level) {
		return len(p), nil
	}
	select {
	case <-w.stop: // what the end breaks off
		return len(p), nil
	default:
	}
	if level > slog.LevelDebug {
		dropped, ok := w.admit()
		if dropped > 0 {
			w.log.Warn("lines of gossip's log were dropped", "lines", dropped)
		}
		if !ok {
			return len(p), nil
		}
	}
	w.log.Log(context.Background(), level, "gossip", "said", text)
	return len(p), nil
}

// admit reports whether a line may be logged, and how many before it were not.
func (w *logWriter) admit() (dropped int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); now.Sub(w.since) >= logWhile {
		w.since, w.lines = now, 0
		dropped, w.dropped = w.dropped, 0
	}
	if w.lines == logLines {
		w.dropped++
		return 0, false
	}
	w.lines++
	return dropped, true
}

// parseLine takes the level off a line. Errors of memberlist are warnings here:
// strangers can cause them, and nothing depends on gossip.
func parseLine(line string) (slog.Level, string) {
	line = strings.TrimSpace(line)
	level := slog.LevelWarn
	if word, rest, ok := strings.Cut(line, "] "); ok {
		switch word {
		case "[DEBUG":
			level, line = slog.LevelDebug, rest
		case "[INFO":
			level, line = slog.LevelInfo, rest
		case "[WARN", "[ERR", "[ERROR":
			line = rest
		}
	}
	line = strings.TrimPrefix(line, "memberlist: ")
	if len(line) > maxLineBytes {
		line = strings.ToValidUTF8(line[:maxLineBytes], "") + "…"
	}
	return level, line
}
