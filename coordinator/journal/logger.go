package journal

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// logger passes what raft and its log say to a slog.Logger.
type logger struct {
	hclog.Logger // for what nobody asks of it
	log          *slog.Logger
	alone        bool // there are no peers: what is said of elections is no news
	said         *said
}

// said is when a message was logged last. Raft says of a peer that is away what it
// says twice a second, for as long as that takes.
type said struct {
	mu   sync.Mutex // guards when
	when map[string]time.Time
}

const (
	// sayAgain is when a message is logged again that did not change.
	sayAgain = time.Minute
	// maxSaid bounds the messages that are remembered.
	maxSaid = 256
)

// news reports whether a message, which begins with who it is about, was not
// logged lately.
func (s *said) news(msg string, args []any) bool {
	key := msg + fmt.Sprint(args[:min(2, len(args))]...)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.when[key]) < sayAgain {
		return false
	}
	if len(s.when) >= maxSaid {
		clear(s.when)
	}
	s.when[key] = now
	return true
}

// newLogger returns a logger; a nil log keeps nothing.
func newLogger(log *slog.Logger, alone bool) *logger {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &logger{hclog.NewNullLogger(), log, alone, &said{when: map[string]time.Time{}}}
}

// Log implements hclog.Logger.
func (l *logger) Log(level hclog.Level, msg string, args ...any) {
	switch {
	case level >= hclog.Warn && !l.alone && !l.said.news(msg, args):
		l.log.Debug(msg, args...)
	case level == hclog.Error:
		l.log.Error(msg, args...)
	case level == hclog.Warn && !l.alone:
		l.log.Warn(msg, args...)
	default:
		// Elections and snapshots are of interest to who looks for a fault of ours.
		l.log.Debug(msg, args...)
	}
}

// Trace implements hclog.Logger.
func (l *logger) Trace(string, ...any) {}

// Debug implements hclog.Logger.
func (l *logger) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }

// Info implements hclog.Logger.
func (l *logger) Info(msg string, args ...any) { l.Log(hclog.Info, msg, args...) }

// Warn implements hclog.Logger.
func (l *logger) Warn(msg string, args ...any) { l.Log(hclog.Warn, msg, args...) }

// Error implements hclog.Logger.
func (l *logger) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

// With implements hclog.Logger.
func (l *logger) With(args ...any) hclog.Logger {
	return &logger{l.Logger, l.log.With(args...), l.alone, l.said}
}

// Named implements hclog.Logger.
func (l *logger) Named(name string) hclog.Logger { return l.With("part", name) }

// ResetNamed implements hclog.Logger.
func (l *logger) ResetNamed(name string) hclog.Logger { return l.Named(name) }

// StandardLogger implements hclog.Logger.
func (l *logger) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return slog.NewLogLogger(l.log.Handler(), slog.LevelDebug)
}

// StandardWriter implements hclog.Logger.
func (l *logger) StandardWriter(*hclog.StandardLoggerOptions) io.Writer {
	return l.StandardLogger(nil).Writer()
}
