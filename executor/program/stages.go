package program

import (
	"sync"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// stages are the staging directories of the job's destinations, which this
// process shares with the job's other workers: they count as alive as long as
// one of these lives.
type stages struct {
	job plan.JobID

	mu     sync.Mutex // guards what follows; held while they are made
	joined []*storage.Stage
	done   bool
}

// before does what must be done before an attempt: the listing of a source
// begins a job, so that a destination which cannot be written is known before
// any work; rows need the staging directories.
func (s *stages) before(a *plan.Assignment, sinks []plan.Sink, overwrite bool) error {
	switch a.Work {
	case plan.Enumerate:
		for _, sink := range sinks {
			if sink.Destination == "" {
				continue
			}
			if err := storage.CheckDestination(sink.Destination, overwrite); err != nil {
				return err
			}
		}
	case plan.Run:
		return s.join(sinks)
	}
	return nil
}

// join makes the staging directories, unless this process has them.
func (s *stages) join(sinks []plan.Sink) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return nil
	}
	for _, sink := range sinks[len(s.joined):] {
		stage := &storage.Stage{}
		if sink.Destination != "" {
			var err error
			if stage, err = storage.JoinStage(sink.Destination, s.job); err != nil {
				return err
			}
		}
		s.joined = append(s.joined, stage)
	}
	s.done = true
	return nil
}

// close gives the directories up. The last worker removes what is left of locks.
func (s *stages) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stage := range s.joined {
		_ = stage.Close() // the next job with the destination clears up
	}
	s.joined, s.done = nil, true
}
