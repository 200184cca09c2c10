package transfer

import (
	"sync"

	"github.com/sheafdata/sheaf/internal/plan"
)

// gate bounds the requests that are served at once, each of which holds one
// open file: in all, and for each job, so that one with many readers leaves
// room for others. Nobody waits in it: who asks again later is told so.
type gate struct {
	limit, jobLimit int

	mu   sync.Mutex // guards what follows
	held int
	jobs map[plan.JobID]int
}

func (g *gate) enter(job plan.JobID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held >= g.limit || g.jobs[job] >= g.jobLimit {
		return false
	}
	g.held++
	g.jobs[job]++
	return true
}

func (g *gate) leave(job plan.JobID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held--
	if g.jobs[job]--; g.jobs[job] == 0 {
		delete(g.jobs, job)
	}
}
