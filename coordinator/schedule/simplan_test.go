package schedule

import (
	"fmt"
	"math/rand/v2"

	"github.com/sheafdata/sheaf/internal/plan"
)

// The simulation does not move rows but sums that stand for them. The rows of
// a file between the offsets a and b are mark(file, b) - mark(file, a), so the
// sum over any cut of the file is that of the file, and a piece read twice or
// never shows. An exchange gives cell b of an output the share weight(x, b);
// the weights of all cells sum to 1, so a consumer stage that reads every cell
// of every output once ends with the sum of its producers. All of it is
// arithmetic modulo 2^64 with random marks and weights.
type sum = uint64

// cells is the number of key cells of a range exchange in the model.
const cells = 12

func mark(job plan.JobID, stage plan.StageID, path string, offset int64) sum {
	h := uint64(14695981039346656037)
	for _, b := range []byte(fmt.Sprint(job, stage, path, offset)) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return mix(h)
}

func splitSum(job plan.JobID, stage plan.StageID, s plan.Split) sum {
	return mark(job, stage, s.Path, s.Offset+s.Length) - mark(job, stage, s.Path, s.Offset)
}

// cellWeight is the share of cell b out of n.
func cellWeight(x plan.ExchangeID, b, n int) sum {
	if b < n-1 {
		return mix(uint64(x)<<32 + uint64(b))
	}
	rest := sum(1)
	for i := range n - 1 {
		rest -= mix(uint64(x)<<32 + uint64(i))
	}
	return rest
}

// cellsOf is the number of cells of an exchange.
func cellsOf(x *plan.Exchange) int {
	if x.Kind == plan.Range {
		return cells
	}
	return x.Buckets
}

// cellRange is the cells that a partition reads. Keys of a range exchange are
// one letter a cell.
func cellRange(x *plan.Exchange, p *plan.Partition) (first, end int) {
	if x.Kind != plan.Range {
		return p.FirstBucket, p.EndBucket
	}
	end = cells
	if len(p.FromKey) > 0 {
		first = int(p.FromKey[0] - 'a')
	}
	if p.ToKey != nil {
		end = int(p.ToKey[0] - 'a')
	}
	return first, end
}

// simJob is a job of the model: its plan, its input and what its sinks must hold.
type simJob struct {
	id     plan.JobID
	plan   plan.Plan
	submit JobSubmitted
	files  map[plan.StageID][]plan.Split
	expect []sum // by sink
	writes [][]plan.StageID
	// varies are the stages whose attempts give their rows other keys each time.
	varies     map[plan.StageID]bool
	bad, bytes int64 // bad rows of its files, and their rows: one a byte
	counted    sum   // what all its stages read: its first counter must hold that
}

// collects reports whether a sink's rows go to the driver.
func collects(sink plan.SinkID) bool { return sink%2 == 1 }

// randomJob draws chains, unions, diamonds and several sinks.
func randomJob(r *rand.Rand, n int, vary bool) *simJob {
	j := &simJob{files: map[plan.StageID][]plan.Split{}, varies: map[plan.StageID]bool{}}
	j.id[0], j.id[1] = byte(n), byte(r.Uint32())
	stages, sinks := 1+r.IntN(6), 1+r.IntN(3)
	for i := range stages {
		st := plan.Stage{ID: plan.StageID(i), Name: fmt.Sprint("stage", i)}
		if i == 0 || r.IntN(4) == 0 {
			st.Source = &plan.Source{Name: "files"}
			j.files[st.ID] = randomFiles(r)
		} else {
			j.addExchange(r, &st)
		}
		if j.varies[st.ID] = vary && r.IntN(3) == 0; !j.varies[st.ID] && r.IntN(3) == 0 {
			st.Promise, st.PromiseAt = plan.Deterministic, "Map at job.go:1"
		} else if r.IntN(6) == 0 {
			st.Promise = plan.Indeterminate
		}
		j.plan.Stages = append(j.plan.Stages, st)
	}
	for i := range j.plan.Stages {
		st := &j.plan.Stages[i]
		if len(st.Exchanges) == 0 || r.IntN(5) == 0 {
			st.Sinks = append(st.Sinks, plan.SinkID(r.IntN(sinks)))
			if other := plan.SinkID(r.IntN(sinks)); other != st.Sinks[0] && r.IntN(3) == 0 {
				st.Sinks = append(st.Sinks, other)
			}
		}
	}
	if stages == 1 {
		j.plan.Stages[0].Source.Drives = r.IntN(2) == 0
	}
	linkPlan(&j.plan, sinks)
	if r.IntN(4) > 0 {
		j.plan.Counters = []string{"rows", "never"}
	}
	j.limitBad(r)
	j.addSides(r)
	j.computeExpected()
	j.submit = JobSubmitted{Job: j.id, Plan: j.plan, Priority: r.IntN(3) - 1, MaxRunning: max(r.IntN(8)-3, 0)}
	return j
}

func (j *simJob) addExchange(r *rand.Rand, st *plan.Stage) {
	x := plan.Exchange{ID: plan.ExchangeID(len(j.plan.Exchanges)), Buckets: 1}
	x.Kind = []plan.ExchangeKind{plan.Hash, plan.Hash, plan.Range, plan.Gather}[r.IntN(4)]
	if x.Kind == plan.Hash {
		x.Buckets = 1 + r.IntN(20)
	}
	j.plan.Exchanges = append(j.plan.Exchanges, x)
	st.Exchange = &x.ID
	last := int(st.ID) - 1
	producers := map[int]bool{last - r.IntN(min(last+1, 2)): true}
	for range r.IntN(3) {
		producers[r.IntN(last+1)] = true
	}
	for p := range last + 1 {
		if producers[p] {
			j.plan.Stages[p].Exchanges = append(j.plan.Stages[p].Exchanges, x.ID)
		}
	}
}

func randomFiles(r *rand.Rand) []plan.Split {
	var files []plan.Split
	for i := range r.IntN(5) {
		f := file(fmt.Sprint("f", i), r.Int64N(3*mib))
		if r.IntN(5) == 0 {
			f.Length = 0
		}
		f.Cuttable = r.IntN(4) > 0
		files = append(files, f)
	}
	return files
}

func (j *simJob) computeExpected() {
	stage := make([]sum, len(j.plan.Stages))
	j.expect = make([]sum, len(j.plan.Sinks))
	j.writes = make([][]plan.StageID, len(j.plan.Sinks))
	for i, st := range j.plan.Stages {
		for _, f := range j.files[st.ID] {
			if f.Length > 0 {
				stage[i] += splitSum(j.id, st.ID, f)
			}
		}
		if st.Exchange != nil {
			stage[i] += j.readBy(&j.plan.Exchanges[*st.Exchange], stage)
		}
		j.counted += stage[i]
		for _, s := range st.Sinks {
			j.expect[s] += stage[i]
			j.writes[s] = append(j.writes[s], st.ID)
		}
	}
}

// counters are what the job must have counted.
func (j *simJob) counters() []plan.Counter {
	if len(j.plan.Counters) == 0 {
		return nil
	}
	return []plan.Counter{{Name: "rows", Value: int64(j.counted)}, {Name: "never"}}
}

// badEvery is the distance of bad rows in a file of the model.
const badEvery = 100_000

// deadlyEvery is the distance of rows that end processes.
const deadlyEvery = 450_007

// badRows is how many bad rows a piece of a file has, however the file is cut.
func badRows(s plan.Split) int64 { return (s.Offset+s.Length)/badEvery - s.Offset/badEvery }

// deadlyRows is how many of its rows end processes.
func deadlyRows(s plan.Split) int64 {
	return (s.Offset+s.Length)/deadlyEvery - s.Offset/deadlyEvery
}

// limitBad lets some jobs leave out bad rows: more than they have, or too few.
func (j *simJob) limitBad(r *rand.Rand) {
	if r.IntN(3) > 0 {
		return
	}
	for _, files := range j.files {
		for _, f := range files {
			j.bad += badRows(f) + deadlyRows(f)
			j.bytes += f.Length
		}
	}
	few := int64(0)
	if r.IntN(6) == 0 {
		few = 1
	}
	limit := &plan.BadLimit{Rows: max(j.bad-few, 1)}
	if r.IntN(2) == 0 && j.bytes > 0 {
		limit = &plan.BadLimit{PerMillion: max(j.bad*plan.Million/j.bytes+1-few, 1)}
	}
	j.plan.BadLimit = limit
}

// tooBad reports whether the job must fail for its bad rows.
func (j *simJob) tooBad() bool {
	return j.plan.BadLimit != nil && !j.plan.BadLimit.Allows(j.bad, j.bytes)
}
