package progress

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// The bounds of the two columns that take what the figures leave.
const (
	minName = 12
	minBar  = 8
	maxBar  = 30
)

// cells counts the columns of text. Ambiguous runes such as the bar's own are
// one column wide on today's terminals, whatever the locale says.
var cells = &runewidth.Condition{}

// palette holds the escape sequences of the colours; all are empty without them.
type palette struct{ run, done, fail, dim, reset string }

func choosePalette(getenv func(string) string) palette {
	if getenv("NO_COLOR") != "" {
		return palette{}
	}
	return palette{run: "\x1b[36m", done: "\x1b[32m", fail: "\x1b[31m", dim: "\x1b[2m", reset: "\x1b[0m"}
}

// paint encloses text, which must not be empty of meaning without its colour.
func (p palette) paint(color, text string) string {
	if color == "" || text == "" {
		return text
	}
	return color + text + p.reset
}

// layout gives the lines of stages common columns within a width:
//
//	text.Read → Count ━━━━━━━━━━────────  34/120 2 running  1.2 M rows/s 85.3 MiB/s  10s left
//
// Columns only grow, so that nothing jumps to and fro.
type layout struct {
	colors  palette
	width   int
	longest int           // columns of the longest name
	widest  [figCount]int // columns of each figure so far

	name   int           // columns of the name
	bar    int           // columns of the bar; 0 for none
	figure [figCount]int // columns of each figure; 0 for one that is left out
}

// The figures of a line, in the order in which they stand.
const (
	figTasks = iota
	figState
	figRows
	figBytes
	figLeft
	figCount
)

// dropOrder says which figures go first where the terminal is too narrow.
var dropOrder = []int{figRows, figState, figBytes, figLeft}

// The rates come and go; their columns stay.
var leastWidths = [figCount]int{figState: len("2 run"), figRows: len("99.9 k rows/s"), figBytes: len("99.9 MiB/s"), figLeft: len("59s left")}

// fit chooses the columns for the given stages in a terminal of some width.
func (l *layout) fit(stages []figures, width int) {
	if l.width != width {
		*l = layout{colors: l.colors, width: width, widest: leastWidths}
	}
	for _, s := range stages {
		l.longest = max(l.longest, cells.StringWidth(printable(s.Name)))
		if !s.Started && !s.Ended {
			continue
		}
		for i, text := range l.figures(s) {
			l.widest[i] = max(l.widest[i], cells.StringWidth(text))
		}
	}
	l.figure = l.widest
	for _, i := range dropOrder {
		if l.rest() >= minName+1+minBar {
			break
		}
		l.figure[i] = 0
	}
	l.divide()
}

// rest is what the figures leave of the width.
func (l *layout) rest() int {
	rest := l.width
	for _, w := range l.figure {
		if w > 0 {
			rest -= w + 1
		}
	}
	return rest
}

// divide shares the rest between name and bar: a third for the bar, within its
// bounds, and more of it where all names are short.
func (l *layout) divide() {
	rest := l.rest()
	if rest < minName+1+minBar {
		l.bar, l.name = 0, max(rest, 1)
		return
	}
	l.name = min(l.longest, rest-1-max(rest/3, minBar))
	l.bar = min(rest-1-l.name, maxBar)
}

// figures writes the figures of a stage, in the order of the constants.
func (l *layout) figures(s figures) [figCount]string {
	text := [figCount]string{figTasks: tasks(s), figState: l.state(s)}
	if s.rowsPerSecond > 0 {
		text[figRows] = rowRate(s.rowsPerSecond)
	}
	if s.bytesPerSecond > 0 {
		text[figBytes] = byteRate(s.bytesPerSecond)
	}
	switch {
	case s.Ended && s.took > 0:
		text[figLeft] = seconds(s.took)
	case s.hasLeft:
		text[figLeft] = left(s.left)
	}
	return text
}

// narrow is the width below which words are cut short.
const narrow = 100

func (l *layout) state(s figures) string {
	running, failed := "running", "failed"
	if l.width < narrow {
		running, failed = "run", "fail"
	}
	var parts []string
	if !s.Ended {
		parts = append(parts, fmt.Sprintf("%d %s", s.Running, running))
	}
	if s.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", s.Failed, failed))
	}
	return strings.Join(parts, " ")
}

// stage writes the line of a stage.
func (l *layout) stage(s figures) string {
	var b strings.Builder
	b.WriteString(pad(truncate(printable(s.Name), l.name), l.name))
	if l.bar > 0 {
		b.WriteString(" " + l.meter(s))
	}
	for i, text := range l.figures(s) {
		if l.figure[i] == 0 {
			continue
		}
		text = strings.Repeat(" ", max(0, l.figure[i]-cells.StringWidth(text))) + text
		if i == figState && s.Failed > 0 {
			text = l.colors.paint(l.colors.fail, text)
		}
		b.WriteString(" " + text)
	}
	return strings.TrimRight(b.String(), " ")
}

// meter draws the bar itself.
func (l *layout) meter(s figures) string {
	full := int(share(s) * float64(l.bar))
	color := l.colors.run
	if s.Ended {
		color = l.colors.done
	}
	return l.colors.paint(color, strings.Repeat("━", full)) +
		l.colors.paint(l.colors.dim, strings.Repeat("─", l.bar-full))
}

// share is how much of a stage is done, from 0 to 1: by bytes where they are
// known, since tasks differ in size.
func share(s figures) float64 {
	var done, all float64
	switch {
	case !s.Known:
		return 0
	case s.Done >= s.Tasks:
		return 1
	case s.BytesTotal > 0:
		done, all = float64(s.Bytes), float64(s.BytesTotal)
	default:
		done, all = float64(s.Done), float64(s.Tasks)
	}
	return min(1, max(0, done/all))
}

// job writes the line of the whole job.
func (l *layout) job(f frame, hidden int, last bool) string {
	text := fmt.Sprintf("%s %s", printable(f.Name), f.State)
	color := l.colors.dim
	switch {
	case last && f.State == Done:
		text, color = text+" in "+seconds(f.Elapsed), l.colors.done
	case last:
		text, color = text+" after "+seconds(f.Elapsed), l.colors.fail
	default:
		text += " " + seconds(f.Elapsed)
	}
	if n := len(f.stages); n > 1 && !(last && f.State == Done) {
		text += fmt.Sprintf(", %d of %d stages done", endedStages(f.Stages), n)
	}
	if hidden > 0 {
		text += fmt.Sprintf(", %d more running", hidden)
	}
	return l.colors.paint(color, truncate(text, l.width))
}

// printable replaces what would move the cursor: names come from user programs.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// truncate cuts text to a number of columns and marks the cut.
func truncate(text string, width int) string { return cells.Truncate(text, width, "…") }

// pad fills text up to a number of columns.
func pad(text string, width int) string { return cells.FillRight(text, width) }
