package progress

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// plainInterval spaces the lines of running stages: often enough to see that
// something happens, seldom enough for a log.
const plainInterval = 3 * time.Second

// plainView writes a line a running stage every few seconds, and one when a
// stage ends.
type plainView struct {
	out   io.Writer
	now   func() time.Time
	begun bool
	last  time.Time // of the last round of lines
	ended []bool    // stages whose end was told
}

func (v *plainView) update(f frame) {
	if !v.begun {
		v.begun, v.last = true, v.now()
	}
	due := v.now().Sub(v.last) >= plainInterval
	if lines := v.lines(f, due); lines != "" {
		io.WriteString(v.out, lines)
	}
	if due {
		v.last = v.now()
	}
}

func (v *plainView) lines(f frame, due bool) string {
	var b strings.Builder
	running := 0
	for len(v.ended) < len(f.stages) {
		v.ended = append(v.ended, false)
	}
	for i, s := range f.stages {
		switch {
		case s.Ended && !v.ended[i]:
			v.ended[i] = true
			v.line(&b, f, s.Name+" "+plainEnd(s))
			running++
		case s.Started && !s.Ended && due:
			v.line(&b, f, s.Name+" "+plainStage(s))
			running++
		}
	}
	if due && running == 0 {
		v.line(&b, f, f.Name+" "+f.State)
	}
	return b.String()
}

func (v *plainView) close(f frame) {
	// A job that was refused before any work has nothing to show: the message
	// that follows says all.
	if !v.begun && len(f.stages) == 0 && f.Elapsed == 0 {
		return
	}
	var b strings.Builder
	b.WriteString(v.lines(f, false))
	v.line(&b, f, f.Name+" "+f.State)
	io.WriteString(v.out, b.String())
}

func (v *plainView) message(line []byte) { v.out.Write(line) }

func (*plainView) line(b *strings.Builder, f frame, text string) {
	fmt.Fprintf(b, "%6s  %s\n", seconds(f.Elapsed), text)
}

// plainStage describes a running stage: "34/120 tasks, 2 running, …".
func plainStage(s figures) string {
	parts := []string{tasks(s) + " tasks", fmt.Sprintf("%d running", s.Running)}
	if s.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", s.Failed))
	}
	parts = append(parts, rowRate(s.rowsPerSecond), byteRate(s.bytesPerSecond))
	if s.hasLeft {
		parts = append(parts, left(s.left))
	}
	return strings.Join(parts, ", ")
}

// plainEnd describes a stage after its end.
func plainEnd(s figures) string {
	parts := []string{tasks(s) + " tasks done"}
	if s.took > 0 {
		parts[0] += " in " + seconds(s.took)
		parts = append(parts, rowRate(s.rowsPerSecond), byteRate(s.bytesPerSecond))
	}
	if s.Failed > 0 {
		parts = append(parts, plural(s.Failed, "attempt")+" failed")
	}
	return strings.Join(parts, ", ")
}

// tasks writes done and total, the latter as a question mark until it is decided.
func tasks(s figures) string {
	if !s.Known {
		return fmt.Sprintf("%d/?", s.Done)
	}
	return fmt.Sprintf("%d/%d", s.Done, s.Tasks)
}
