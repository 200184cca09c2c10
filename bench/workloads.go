package main

import (
	"fmt"
	"strconv"

	"github.com/sheafdata/sheaf/bench/dataset"
)

// Full sizes: -size 1.
const (
	fullTextBytes    = 512 << 20
	fullSortRows     = 5_000_000
	fullSalesRows    = 10_000_000
	fullDistinctRows = 10_000_000
	fullSkewRows     = 30_000_000
	fullAPIRows      = 300_000_000
)

// sheaf is the name of the contender that stands for this project.
const sheaf = "Sheaf"

// scale makes the workloads of one size.
type scale float64

func (s scale) of(full int64) int64 { return max(int64(float64(full)*float64(s)), 1) }

func (s scale) spec(kind dataset.Kind, full int64) dataset.Spec {
	return dataset.Spec{Kind: kind, Size: s.of(full)}
}

// workloads lists all of them, in the order of the goals.
func (s scale) workloads() []workload {
	all := []workload{s.wordcount(), s.words(), s.sort(0), s.sort(512 << 20), s.sort(128 << 20), s.groupBy("low", "id1"), s.groupBy("high", "id3"), s.rowAPI()}
	all = append(all, s.memory()...)
	all = append(all, s.onCluster("words", dataset.Text, fullTextBytes, "jobs/wordcount", "--by", "words"), s.onCluster("sort", dataset.Sort, fullSortRows, "jobs/sort"))
	return append(all, s.cores("words", dataset.Text, fullTextBytes, "jobs/wordcount", "--by", "words"), s.cores("sort", dataset.Sort, fullSortRows, "jobs/sort"), tiny())
}

// job is a contender that is one of our jobs.
func job(name, program string, args ...string) contender {
	return contender{name: name, program: program, args: append([]string{
		"--input", inputMark, "--output", outputMark, "--sheaf.tmp", tmpMark, "--sheaf.progress", "none",
	}, args...)}
}

// mawk is a contender that prints what an awk program makes of the input.
func mawk(program string, options ...string) contender {
	return contender{name: "mawk", tool: "mawk", args: append(options, program, inputMark), prints: true}
}

// faster compares the processor time of Sheaf with that of a reference.
func faster(work, reference string, must, aim float64) comparison {
	return comparison{work: work, against: reference, subject: sheaf, reference: reference, measure: cpuSeconds, goal: goal{must: must, aim: aim}}
}

const awkWordcount = `{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) print w "\t" n[w] }`

func (s scale) wordcount() workload {
	const work = "WordCount by a row function"
	return workload{
		name: "wordcount", input: input{spec: s.spec(dataset.Text, fullTextBytes)},
		contenders: []contender{
			job(sheaf, "jobs/wordcount", "--by", "fields"), mawk(awkWordcount),
			{name: "Go, 1 goroutine", program: "reference/wordcount", args: []string{inputMark, outputMark}},
		},
		comparisons: []comparison{faster(work, "mawk", 8, 12), faster(work, "Go, 1 goroutine", 2.5, 0)},
	}
}

func (s scale) words() workload {
	return workload{
		name: "words", input: input{spec: s.spec(dataset.Text, fullTextBytes)},
		contenders:  []contender{job(sheaf, "jobs/wordcount", "--by", "words"), mawk(awkWordcount)},
		comparisons: []comparison{faster("WordCount by the SDK's words", "mawk", 12, 20)},
	}
}

// sort makes a sort with a budget, 0 for all the memory that it wants.
func (s scale) sort(fullBudget int64) workload {
	name, work, must, aim := "sort-memory", "Sort in memory", 4.0, 7.0
	buffer, args := "4G", []string(nil)
	if fullBudget > 0 {
		// A budget shrinks with the data, as far as the engine allows.
		budget := max(s.of(fullBudget)>>20, 16)
		name, must, aim = fmt.Sprintf("sort-%dm", fullBudget>>20), 3.5, 5
		work = fmt.Sprintf("Sort within %d MiB", budget)
		buffer, args = fmt.Sprintf("%dM", budget), []string{"--sheaf.memory", fmt.Sprintf("%dMiB", budget)}
	}
	const reference = "GNU sort --parallel=2"
	return workload{
		name: name, input: input{spec: s.spec(dataset.Sort, fullSortRows)}, order: exactly,
		contenders: []contender{
			job(sheaf, "jobs/sort", args...),
			{
				name: reference, tool: "sort", env: []string{"LC_ALL=C"},
				args: []string{"--parallel=2", "-S", buffer, "-T", tmpMark, "-o", outputMark, inputMark},
			},
		},
		comparisons: []comparison{faster(work, reference, must, aim)},
	}
}

// groupBy sums one column by a key with few values, or two by one with many.
func (s scale) groupBy(cardinality, key string) workload {
	const naive = "naive Go"
	program, must, aim := `NR > 1 { a[$1] += $7 } END { for (k in a) printf "%s\t%d\n", k, a[k] }`, 5.0, 8.0
	if key == "id3" {
		program, must, aim = `NR > 1 { a[$3] += $7; b[$3] += $8 } END { for (k in a) printf "%s\t%d\t%d\n", k, a[k], b[k] }`, 10, 18
	}
	work := "Group-by CSV, " + cardinality + " cardinality"
	return workload{
		name: "groupby-" + cardinality, input: input{spec: s.spec(dataset.Sales, fullSalesRows)},
		contenders: []contender{
			job(sheaf, "jobs/groupby", "--key", key), mawk(program, "-F,"),
			{name: naive, program: "reference/groupby", args: []string{key, inputMark, outputMark}},
		},
		comparisons: []comparison{faster(work, "mawk", must, aim), faster(work, naive, 0, 0)},
	}
}

// rowAPI compares row functions with code for columns, inside the engine.
func (s scale) rowAPI() workload {
	const columns = "hand-written columns"
	rows := strconv.FormatInt(s.of(fullAPIRows), 10)
	by := func(name, how string) contender {
		return contender{name: name, program: "jobs/rowapi", args: []string{
			"--rows", rows, "--by", how, "--output", outputMark, "--sheaf.tmp", tmpMark, "--sheaf.progress", "none",
		}}
	}
	return workload{
		name: "rowapi", contenders: []contender{by(sheaf, "rows"), by(columns, "columns")},
		comparisons: []comparison{{
			work: "Row functions, Filter and Map of 6 fields", against: columns, subject: sheaf, reference: columns,
			measure: cpuSeconds, cost: true, goal: goal{must: 3, aim: 2, atMost: true},
		}},
	}
}

// cores compares one worker with two.
func (s scale) cores(name string, kind dataset.Kind, full int64, program string, args ...string) workload {
	on := func(cores string) contender {
		c := job(cores+" at once", program, append([]string{"--sheaf.parallelism", cores}, args...)...)
		c.env = []string{"GOMAXPROCS=" + cores}
		return c
	}
	agree := anyOrder
	if kind == dataset.Sort {
		agree = exactly
	}
	return workload{
		name: "cores-" + name, input: input{spec: s.spec(kind, full)}, cores: 2, order: agree,
		contenders: []contender{on("2"), on("1")},
		comparisons: []comparison{{
			work: "2 cores against 1: " + name, against: "1 at once", subject: "2 at once", reference: "1 at once",
			measure: wallSeconds, goal: goal{must: 1.8, aim: 1.95},
		}},
	}
}

// onCluster compares a cluster of two executors with one slot each, whose
// processes all count, with local mode with two workers.
func (s scale) onCluster(name string, kind dataset.Kind, full int64, program string, args ...string) workload {
	const local = "local mode, 2 at once"
	there := contender{name: sheaf, program: program, cluster: true, args: append([]string{"--input", inputMark, "--output", outputMark}, args...)}
	agree := anyOrder
	if kind == dataset.Sort {
		agree = exactly
	}
	return workload{
		name: "cluster-" + name, input: input{spec: s.spec(kind, full)}, cores: 2, order: agree,
		contenders: []contender{there, job(local, program, append([]string{"--sheaf.parallelism", "2"}, args...)...)},
		comparisons: []comparison{{
			work: "On a cluster, 2 executors of 1 slot: " + name, against: local, subject: sheaf, reference: local,
			measure: cpuSeconds, cost: true, goal: goal{must: 1.3, aim: 1.15, atMost: true},
		}},
	}
}

// tiny measures inside a process what a job costs that has nothing to do.
func tiny() workload {
	return workload{
		name: "tiny", order: never, contenders: []contender{{name: sheaf, program: "jobs/tiny", prints: true}},
		comparisons: []comparison{
			{work: "Tiny job, first in its process", against: "limit", subject: sheaf, measure: printed("ms", 0), goal: goal{must: 20, aim: 5, atMost: true}},
			{work: "Tiny job, median of 51 in a process", against: "limit", subject: sheaf, measure: printed("ms", 1), goal: goal{must: 20, aim: 5, atMost: true}},
		},
	}
}
