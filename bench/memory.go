package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/bench/dataset"
)

// The memory that jobs get whose peak is measured, and what the process may
// take beside it.
const (
	budgetMiB = 64
	extraMiB  = 64
)

// memory lists the jobs whose peak memory is measured. At full size their
// input is 100 times the budget: the data stands in it many times, as links.
func (s scale) memory() []workload {
	return []workload{
		s.withinBudget("distinct", fmt.Sprintf("Count of %.3g M distinct keys", float64(s.of(fullDistinctRows))/1e6), "jobs/distinct", s.spec(dataset.Distinct, fullDistinctRows), 34, anyOrder, expectCounts),
		s.withinBudget("sort", "Sort", "jobs/sort", s.spec(dataset.Sort, fullSortRows), 14, byKey, expectRows),
		s.withinBudget("skew", "Grouping, 90 % of rows in one key", "jobs/skew", s.spec(dataset.Skew, fullSkewRows), 20, anyOrder, expectTotals),
	}
}

func (s scale) withinBudget(name, work, program string, spec dataset.Spec, copies int64, o order, expect func(string, int64) (digest, error)) workload {
	return workload{
		name: "memory-" + name, input: input{spec, copies}, once: true, order: o, expect: expect,
		contenders: []contender{job(sheaf, program, "--sheaf.memory", fmt.Sprintf("%dMiB", budgetMiB))},
		comparisons: []comparison{{
			work: work, against: fmt.Sprintf("budget %d + %d MiB", budgetMiB, extraMiB), subject: sheaf,
			measure: peakMiB, goal: goal{must: budgetMiB + extraMiB, atMost: true}, budgetBytes: budgetMiB << 20,
		}},
	}
}

// expectRows says what a sort gives: the rows of the input, in order.
func expectRows(file string, copies int64) (digest, error) {
	d, err := digestOf(file)
	return digest{rows: d.rows * copies, sum: d.sum * uint64(copies)}, err
}

// expectCounts says what a count of lines gives that all differ.
func expectCounts(file string, copies int64) (digest, error) {
	var d digest
	var counted []byte
	err := eachLine(file, func(line []byte) error {
		counted = append(append(counted[:0], line...), '\t')
		d.add(strconv.AppendInt(counted, copies, 10))
		return nil
	})
	return d.as(anyOrder), err
}

// expectTotals says what the rows of each key come to.
func expectTotals(file string, copies int64) (digest, error) {
	type total struct{ rows, sum int64 }
	totals := make(map[string]*total)
	err := eachLine(file, func(line []byte) error {
		key, number, _ := bytes.Cut(line, []byte{'\t'})
		t := totals[string(key)]
		if t == nil {
			t = new(total)
			totals[string(key)] = t
		}
		n, err := strconv.ParseInt(string(number), 10, 64)
		t.rows++
		t.sum += n
		return err
	})
	var d digest
	for key, t := range totals {
		d.rows++
		d.sum += xxh3.HashString(fmt.Sprintf("%s\t%d\t%d", key, t.rows*copies, t.sum*copies))
	}
	return d, err
}

// eachLine calls fn with every line of a file, without its end.
func eachLine(file string, fn func(line []byte) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		if err := fn(lines.Bytes()); err != nil {
			return fmt.Errorf("%s: line %q: %w", file, lines.Text(), err)
		}
	}
	return lines.Err()
}
