package args

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The help text's measures, in columns.
const (
	helpWidth = 80
	maxColumn = 28 // flags that are longer push their help to the next line
)

// helpText writes what --help prints.
func helpText(program, doc string, job, engine []*option) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s [flags]\n", program)
	if doc != "" {
		b.WriteString("\n" + wrap(doc, 0) + "\n")
	}
	column := max(column(job), column(engine))
	if len(job) > 0 {
		b.WriteString("\nFlags:\n")
		section(&b, job, column)
	}
	b.WriteString("\nEngine flags (--sheaf.NAME; the environment variable SHEAF_NAME works as well):\n")
	section(&b, engine, column)
	b.WriteString("\nFlags are written --name value or --name=value.\n")
	return b.String()
}

// column is where help begins.
func column(options []*option) int {
	widest := 0
	for _, o := range options {
		if w := utf8.RuneCountInString(o.usage()) + 4; w <= maxColumn {
			widest = max(widest, w)
		}
	}
	return widest
}

func section(b *strings.Builder, options []*option, column int) {
	for _, o := range options {
		head := "  " + o.usage()
		b.WriteString(head)
		text := o.explain()
		switch n := utf8.RuneCountInString(head); {
		case text == "":
		case n+2 <= column:
			b.WriteString(strings.Repeat(" ", column-n) + wrap(text, column))
		default:
			b.WriteString("\n" + strings.Repeat(" ", column) + wrap(text, column))
		}
		b.WriteString("\n")
	}
}

// usage writes the flag with the kind of its value: "--top int".
func (o *option) usage() string {
	if o.kind.name == "" {
		return "--" + o.name
	}
	return "--" + o.name + " " + o.kind.name
}

// explain writes the help with what becomes of a flag that is not given.
func (o *option) explain() string {
	switch {
	case o.required:
		return strings.TrimSpace(o.help + " (required)")
	case o.shown != "" && (o.kind.name != "" || o.shown != "false"):
		return strings.TrimSpace(fmt.Sprintf("%s (default %s)", o.help, o.shown))
	}
	return o.help
}

// wrap breaks text into lines; all but the first are indented.
func wrap(text string, indent int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > helpWidth:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
