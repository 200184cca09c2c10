package main

import (
	"math"
	"strconv"
	"strings"

	"github.com/sheafdata/sheaf/bench/dataset"
)

// workload is one piece of work that several programs do.
type workload struct {
	name       string
	input      input
	contenders []contender
	// order says in how far the outputs must agree.
	order order
	// expect computes the outputs' digest where no reference says what is right;
	// nil means that they must agree with each other.
	expect func(file string, copies int64) (digest, error)
	// once is for work whose result hardly varies and takes long.
	once bool
	// cores is how many the comparison needs.
	cores       int
	comparisons []comparison
}

// input is the data of a workload: a file, or a directory in which it stands
// many times, as links. The zero input is none.
type input struct {
	spec   dataset.Spec
	copies int64 // 0 for the file itself
}

// contender is one program and how it is called.
type contender struct {
	name    string
	program string   // a folder below bench/ that is built, or
	tool    string   // a program that is installed
	args    []string // see the marks
	env     []string
	prints  bool // whether the output is what it prints
	// cluster runs the program on a cluster of its own.
	cluster bool
}

// Marks in a contender's arguments.
const (
	inputMark  = "{input}"
	outputMark = "{output}" // a file or directory that does not exist
	tmpMark    = "{tmp}"    // a directory for temporary files
)

// comparison is one line of the report: a contender against another one, or
// against a limit.
type comparison struct {
	work      string
	against   string
	subject   string // name of a contender
	reference string // name of a contender; "" means that the figure itself is judged
	measure   measure
	// cost makes the ratio how many times the reference the subject takes,
	// instead of how many times faster it is.
	cost bool
	goal goal
	// budgetBytes is the memory that the subject was given where the report is
	// to say how many times larger the input is; 0 elsewhere.
	budgetBytes int64
}

// goal holds what must be and what should be; 0 for none.
type goal struct {
	must, aim float64
	atMost    bool // whether less is better
}

// measure is a figure of a run.
type measure struct {
	name string
	of   func(usage) float64
}

var (
	cpuSeconds  = measure{"CPU s", func(u usage) float64 { return u.cpu.Seconds() }}
	wallSeconds = measure{"wall s", func(u usage) float64 { return u.wall.Seconds() }}
	peakMiB     = measure{"peak MiB", func(u usage) float64 { return float64(u.peakRSS) / (1 << 20) }}
)

// printed is a number that the program prints, by its place.
func printed(unit string, place int) measure {
	return measure{unit, func(u usage) float64 {
		fields := strings.Fields(u.printed)
		if place >= len(fields) {
			return math.NaN()
		}
		n, err := strconv.ParseFloat(fields[place], 64)
		if err != nil {
			return math.NaN()
		}
		return n
	}}
}

// without returns the workload without a contender that cannot run here.
func (w workload) without(name string) workload {
	var contenders []contender
	for _, c := range w.contenders {
		if c.name != name {
			contenders = append(contenders, c)
		}
	}
	var comparisons []comparison
	for _, c := range w.comparisons {
		if c.subject != name && c.reference != name {
			comparisons = append(comparisons, c)
		}
	}
	w.contenders, w.comparisons = contenders, comparisons
	return w
}
