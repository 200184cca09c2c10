package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// report is what a run of the benchmarks says.
type report struct {
	machine   machine
	size      float64
	runs      int
	goals     []goalLine
	programs  []programLine
	notes     []string
	failures  []string
	loadAfter string
}

// goalLine is a comparison with its figures.
type goalLine struct {
	comparison
	subject, reference sample // of its measure
	ratio              sample // run by run; empty where the figure itself is judged
}

// programLine is what one contender took.
type programLine struct {
	workload, contender string
	cpu, wall, peak     sample
	inputBytes          int64
}

// add adds the lines of a workload.
func (r *report) add(w workload, used map[string][]usage, inputBytes int64) {
	for _, c := range w.comparisons {
		l := goalLine{comparison: c, subject: sampleOf(used[c.subject], c.measure)}
		if c.budgetBytes > 0 {
			l.against += fmt.Sprintf(", input %s x budget", number(float64(inputBytes)/float64(c.budgetBytes)))
		}
		if c.reference != "" {
			l.reference = sampleOf(used[c.reference], c.measure)
			l.ratio = l.reference.over(l.subject)
			if c.cost {
				l.ratio = l.subject.over(l.reference)
			}
		}
		r.goals = append(r.goals, l)
	}
	for _, c := range w.contenders {
		u := used[c.name]
		r.programs = append(r.programs, programLine{w.name, c.name, sampleOf(u, cpuSeconds), sampleOf(u, wallSeconds), sampleOf(u, peakMiB), inputBytes})
	}
}

// markdown writes the report.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nSize %g, %d runs of each program, one after the other in turn; figures are medians, with the least and the most.\n",
		r.machine, r.size, r.runs)
	fmt.Fprintf(&b, "Load before %s, after %s.\n\n", r.machine.load, r.loadAfter)
	goals := table{{"work", "against", "measure", "Sheaf", "reference", "ratio", "must", "aim", "met"}}
	for _, l := range r.goals {
		goals = append(goals, []string{l.work, l.against, l.measure.name, figures(l.subject), figures(l.reference), figures(l.ratio), l.goal.limit(l.goal.must), l.goal.limit(l.goal.aim), l.verdict()})
	}
	goals.write(&b)
	b.WriteByte('\n')
	programs := table{{"workload", "program", "CPU s", "wall s", "peak MiB", "input MB per CPU s"}}
	for _, l := range r.programs {
		programs = append(programs, []string{l.workload, l.contender, figures(l.cpu), figures(l.wall), figures(l.peak), l.throughput()})
	}
	programs.write(&b)
	for _, list := range []struct {
		title string
		items []string
	}{{"Failed", r.failures}, {"Left out", r.notes}} {
		if len(list.items) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s:\n\n", list.title)
		for _, s := range slices.Compact(slices.Sorted(slices.Values(list.items))) {
			fmt.Fprintf(&b, "- %s\n", strings.Join(strings.Fields(s), " "))
		}
	}
	return b.String()
}

func (l programLine) throughput() string {
	if l.inputBytes == 0 {
		return ""
	}
	return number(float64(l.inputBytes) / 1e6 / l.cpu.median())
}

// verdict says whether the goal is met, and by how much not.
func (l goalLine) verdict() string {
	judged := l.ratio
	if l.reference == nil {
		judged = l.subject
	}
	got := judged.median()
	switch {
	case l.goal.must == 0 && l.goal.aim == 0:
		return ""
	case math.IsNaN(got):
		return "no figure"
	case l.goal.aim != 0 && l.goal.reaches(got, l.goal.aim):
		return "aim"
	case l.goal.must == 0:
		return "not yet"
	case l.goal.reaches(got, l.goal.must):
		return "yes"
	}
	return fmt.Sprintf("no: %.0f %% of it", got/l.goal.must*100)
}

func (g goal) reaches(got, want float64) bool {
	if g.atMost {
		return got <= want
	}
	return got >= want
}

func (g goal) limit(n float64) string {
	switch {
	case n == 0:
		return ""
	case g.atMost:
		return "≤ " + strconv.FormatFloat(n, 'g', -1, 64)
	}
	return "≥ " + strconv.FormatFloat(n, 'g', -1, 64)
}

// figures shows a sample: "1.23 (1.20–1.31)".
func figures(s sample) string {
	switch len(s) {
	case 0:
		return ""
	case 1:
		return number(s[0])
	}
	return fmt.Sprintf("%s (%s–%s)", number(s.median()), number(slices.Min(s)), number(slices.Max(s)))
}

// number shows three digits, or all before the point.
func number(n float64) string {
	digits := 0
	switch size := math.Abs(n); {
	case size < 10:
		digits = 2
	case size < 100:
		digits = 1
	}
	return strconv.FormatFloat(n, 'f', digits, 64)
}
