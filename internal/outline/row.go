package outline

import (
	"fmt"
	"strings"

	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
)

// row is an operator as the pictures show it: a line of its stage. Where rows go
// several ways, prefix draws the branches.
type row struct{ prefix, verb, detail, at string }

// rows gives the operators of a stage as a tree, each below the one whose rows
// it takes. A second way into an operator is told in words, where it begins.
func (o *Outline) rows(s *Stage) []row {
	place := map[int]int{}
	for i, op := range s.Operators {
		place[op.Operator] = i
	}
	children := make([][]int, len(s.Operators))
	also := make([][]string, len(s.Operators))
	for i, op := range s.Operators {
		parent := -1
		for _, in := range op.Inputs {
			if at := place[in]; at < i {
				parent = max(parent, at)
			}
		}
		if parent >= 0 {
			children[parent] = append(children[parent], i)
		}
		for _, in := range op.Inputs {
			if at := place[in]; at != parent {
				also[at] = append(also[at], op.Verb)
			}
		}
	}
	list := make([]row, len(s.Operators))
	var draw func(i int, first, next string)
	draw = func(i int, first, next string) {
		op := &s.Operators[i]
		list[i] = row{first, plain(op.Verb), plain(o.detail(s, i)), plain(op.At)}
		for _, verb := range also[i] {
			list[i].detail += ", also to " + plain(verb)
		}
		for k, child := range children[i] {
			switch {
			case len(children[i]) == 1:
				draw(child, next, next)
			case k < len(children[i])-1:
				draw(child, next+"├ ", next+"│ ")
			default:
				draw(child, next+"└ ", next+"  ")
			}
		}
	}
	draw(0, "", "")
	return list
}

// detail says what an operator is about.
func (o *Outline) detail(s *Stage, i int) string {
	op := &s.Operators[i]
	var text string
	switch {
	case i == 0 && s.Source != nil:
		text = s.Source.words()
	case op.Exchange != nil:
		text = fmt.Sprintf("to exchange %d", *op.Exchange)
	case op.Sink != nil:
		text = o.Sinks[*op.Sink].words()
	default:
		text = "gives " + op.Gives
	}
	if op.Promise != plan.NoPromise {
		text += ", " + string(op.Promise)
	}
	return text
}

func (s *Source) words() string {
	text := s.Name
	switch {
	case s.Drives:
		return text + ": runs jobs, whose plans are made as it goes"
	case s.Problem != "":
		return text + ": not known, see the warning"
	case s.Rows != nil:
		return text + ": " + plural(*s.Rows, "row")
	case s.Bytes != nil:
		text += fmt.Sprintf(": %s, %s", plural(int64(s.Files), "file"), memory.FormatSize(*s.Bytes))
	}
	return text
}

func (s *Sink) words() string {
	if s.Destination == "" {
		return "to the program"
	}
	return fmt.Sprintf("%s to %s, files *%s", s.Format, s.Destination, s.Suffix)
}

// words says how rows move.
func (x *Exchange) words() string {
	text := string(x.Kind)
	if x.Kind != plan.Gather {
		text += " by " + x.Key
		if s := x.Side; s != nil && s.Pinned {
			return "join by " + x.Key + ", right side broadcast"
		} else if s != nil {
			return fmt.Sprintf("join by %s, right side broadcast up to %s", x.Key, memory.FormatSize(s.LimitBytes))
		}
		if x.Combiner {
			text += ", combined before it moves"
		}
		return text
	}
	text += " to one task"
	if x.Limit > 0 {
		text += fmt.Sprintf(", %s of each at most", plural(int64(x.Limit), "row"))
	}
	if x.Key != "" {
		text += ", by " + x.Key
	}
	return text
}

// tasks says how many tasks a stage has.
func (s *Stage) tasks() string {
	switch {
	case s.Tasks != nil:
		return plural(int64(*s.Tasks), "task")
	case s.MostTasks != nil:
		return fmt.Sprintf("%d tasks at most, by measured bytes", *s.MostTasks)
	case s.Reads != nil:
		return "tasks by measured bytes"
	}
	return "tasks not known"
}

// totals says what all sources hold together.
func (o *Outline) totals() string {
	var files, rows, bytes int64
	for _, s := range o.Stages {
		if s.Source == nil || s.Source.Drives {
			continue
		}
		if s.Source.Problem != "" {
			return "not known"
		}
		if files += int64(s.Source.Files); s.Source.Bytes != nil {
			bytes += *s.Source.Bytes
		}
		if s.Source.Rows != nil {
			rows += *s.Source.Rows
		}
	}
	var parts []string
	if files > 0 {
		parts = append(parts, plural(files, "file")+", "+memory.FormatSize(bytes))
	}
	if rows > 0 {
		parts = append(parts, plural(rows, "row"))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, "; ")
}

// plural counts things: "1 file", "2,345 files".
func plural(n int64, thing string) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if n != 1 {
		thing += "s"
	}
	return text + " " + thing
}
