package sdk

import "github.com/sheafdata/sheaf/executor/operator"

// Counter counts what user functions find: rows that are not valid, say. Its Add
// takes the Context of the function, so those of MapErr, FilterErr, FlatMapErr,
// MapBatches and GroupByKeyErr can count.
//
// Counts are exact: they are those of the rows that the job's result is made of,
// each counted once. What an attempt counted that failed, or whose work was done
// again, is left out.
type Counter = operator.Counter

// NewCounter makes a counter of a job. Its sum is shown when the job has ended,
// while it runs for the tasks that are done, and returned in Result.Counters.
// Counters of one name are the same. A job has at most 64, with names of at most
// 100 bytes.
func NewCounter(p *Pipeline, name string) Counter {
	return operator.NewCounter(p.graph.Counter(caller(), name))
}
