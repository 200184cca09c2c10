package outline

import (
	"fmt"
	"strings"
)

// dot writes the graph in the language of Graphviz: a cluster a stage, in it its
// operators, and a bold edge for what goes over an exchange.
func (o *Outline) dot() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", dotText(o.Job))
	b.WriteString("  graph [fontname=\"monospace\", fontsize=11]\n  node [shape=box, fontname=\"monospace\", fontsize=10]\n  edge [fontname=\"monospace\", fontsize=10]\n")
	for _, s := range o.Stages {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label=%s\n", s.Stage, dotText(fmt.Sprintf("stage %d: %s", s.Stage, s.tasks())))
		for i, op := range s.Operators {
			fmt.Fprintf(&b, "    %s [label=%s, tooltip=%s%s]\n", dotName(s, op.Operator), dotText(op.Verb+"\n"+clip(plain(o.detail(&s, i)), mostLine)), dotText(op.At), dotShape(&s, i))
		}
		for _, op := range s.Operators {
			for _, in := range op.Inputs {
				fmt.Fprintf(&b, "    %s -> %s\n", dotName(s, in), dotName(s, op.Operator))
			}
		}
		b.WriteString("  }\n")
	}
	for _, s := range o.Stages {
		for _, op := range s.Operators {
			if op.Exchange == nil {
				continue
			}
			x := &o.Exchanges[*op.Exchange]
			to := o.Stages[x.To]
			fmt.Fprintf(&b, "  %s -> %s [style=bold, label=%s]\n", dotName(s, op.Operator), dotName(to, to.Operators[0].Operator), dotText(fmt.Sprintf("exchange %d\n%s", x.Exchange, clip(plain(x.words()), mostLine))))
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// dotName names an operator of a stage: exchanges and what several stages share
// have one in each.
func dotName(s Stage, operator int) string { return fmt.Sprintf("s%d_o%d", s.Stage, operator) }

func dotShape(s *Stage, i int) string {
	switch {
	case i == 0 && s.Source != nil:
		return ", shape=cylinder"
	case s.Operators[i].Sink != nil:
		return ", shape=folder"
	}
	return ""
}

// dotText quotes a text; its lines are set below each other.
func dotText(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.ReplaceAll(strings.ReplaceAll(plain(lines[i]), `\`, `\\`), `"`, `\"`)
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}
