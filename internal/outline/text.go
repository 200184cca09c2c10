package outline

import (
	"fmt"
	"strings"
)

const (
	// textWidth is as wide as a terminal that somebody made a bit wider.
	textWidth = 100
	// mostVerb and mostAt bound the outer columns of a stage.
	mostVerb, mostAt = 24, 36
)

// text draws the stages one below the other, as boxes.
func (o *Outline) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s, %s\n", clip(plain(o.Job), mostVerb), plural(int64(len(o.Stages)), "stage"), plural(int64(len(o.Exchanges)), "exchange"), plural(int64(len(o.Sinks)), "output"))
	fact := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %s%s\n", pad(name, 11), clip(plain(text), textWidth-13))
		}
	}
	fact("arguments", string(o.Arguments))
	fact("input", o.totals())
	fact("tasks", fmt.Sprintf("counted for %d at once", o.Slots))
	fact("counters", strings.Join(o.Counters, ", "))
	for i := range o.Stages {
		b.WriteString("\n")
		o.textStage(&b, &o.Stages[i])
	}
	o.textWarnings(&b)
	return b.String()
}

func (o *Outline) textStage(b *strings.Builder, s *Stage) {
	head := fmt.Sprintf("┌─ stage %d", s.Stage)
	if s.Reads != nil {
		head += fmt.Sprintf(", from exchange %d", *s.Reads)
	}
	head += ": " + s.tasks() + " "
	b.WriteString(head + strings.Repeat("─", textWidth-1-size(head)) + "┐\n")
	rows := o.rows(s)
	verbs := column(rows, mostVerb, func(r row) string { return r.prefix + r.verb })
	ats := column(rows, mostAt, func(r row) string { return r.at })
	details := textWidth - 4 - verbs - 2 - 2 - ats
	for _, r := range rows {
		fmt.Fprintf(b, "│ %s  %s  %s │\n", pad(clip(r.prefix+r.verb, verbs), verbs), pad(clip(r.detail, details), details), pad(clipLeft(r.at, ats), ats))
	}
	if len(s.Writes) == 0 {
		b.WriteString("└" + strings.Repeat("─", textWidth-2) + "┘\n")
		return
	}
	b.WriteString("└─┬" + strings.Repeat("─", textWidth-4) + "┘\n")
	for i, id := range s.Writes {
		x := &o.Exchanges[id]
		arrow := "  ├▶ "
		if i == len(s.Writes)-1 {
			arrow = "  └▶ "
		}
		head, tail := fmt.Sprintf("%sexchange %d: ", arrow, id), fmt.Sprintf(", to stage %d", x.To)
		b.WriteString(head + clip(plain(x.words()), textWidth-size(head+tail)) + tail + "\n")
	}
}

// column is how wide a column must be, up to a bound.
func column(rows []row, most int, cell func(row) string) (width int) {
	for _, r := range rows {
		width = max(width, min(size(cell(r)), most))
	}
	return width
}

func (o *Outline) textWarnings(b *strings.Builder) {
	if len(o.Warnings) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", plural(int64(len(o.Warnings)), "warning"))
	for _, w := range o.Warnings {
		for i, line := range wrap(w.words(), textWidth-4) {
			b.WriteString([]string{"  ", "    "}[min(i, 1)] + line + "\n")
		}
		for i, line := range wrap(plain(w.Advice), textWidth-6) {
			b.WriteString([]string{"    → ", "      "}[min(i, 1)] + line + "\n")
		}
	}
}

func (w *Warning) words() string {
	return fmt.Sprintf("%s: %s: %s", plain(w.At), plain(w.Verb), plain(w.Message))
}
