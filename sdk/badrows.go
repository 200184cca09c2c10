package sdk

import (
	"math"

	"github.com/sheafdata/sheaf/internal/plan"
)

// MaxBadRows lets a job leave out up to n rows of its sources that are bad: on
// which a user function returns an error or panics, or that a format cannot
// decode. The job fails when there are more; without MaxBadRows and MaxBadFraction
// it fails at the first. With both, both limits hold.
//
// What is left out stands with its place, the operator and the error in
// _quarantine below the destination of the job's first Write, as JSON lines, and
// is counted in Result.BadRows. A row is bad when a function fails on it in the
// stage that reads the source, before rows change place: behind an exchange a row
// has no place in a file any more, and a failure there ends the job.
//
// On a cluster a row is bad as well when the process of its task ends with it, or
// does not go on: it is found in two more attempts. Rows that end the process end
// a job in this process, of course.
//
// Functions see the rows of a batch with a bad one several times.
func MaxBadRows(p *Pipeline, n int64) {
	if n <= 0 {
		p.failf(caller(), "MaxBadRows(%d) allows no row: leave it out, or give a number above 0", n)
		return
	}
	p.badLimit().Rows = n
}

// MaxBadFraction is MaxBadRows for a part of all rows that are read: 0.001 allows
// one of a thousand. It counts in steps of a millionth, and is compared when all
// sources are read.
func MaxBadFraction(p *Pipeline, part float64) {
	millionths := int64(math.Floor(part*plan.Million + 0.5))
	if !(part > 0 && part <= 1) || millionths == 0 {
		p.failf(caller(), "MaxBadFraction(%v) is no part of all rows: give a number from 0.000001 to 1", part)
		return
	}
	p.badLimit().PerMillion = millionths
}

func (p *Pipeline) badLimit() *plan.BadLimit {
	if p.graph.BadLimit == nil {
		p.graph.BadLimit = &plan.BadLimit{}
	}
	return p.graph.BadLimit
}
