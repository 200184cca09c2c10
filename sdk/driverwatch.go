package sdk

import (
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/progress"
)

// driverWatch shows the jobs of a driver as one: a stage for each of the jobs
// that it is made of, whose tasks are the runs of that job.
type driverWatch struct {
	name  string
	began time.Time
	show  func(progress.Snapshot) // nil for nothing

	stages []progress.Stage
	index  map[string]int
}

// job returns what shows the progress of the next run of a job.
func (w *driverWatch) job(name string) func(progress.Snapshot) {
	if w.index == nil {
		w.index = map[string]int{}
	}
	i, known := w.index[name]
	if !known {
		i = len(w.stages)
		w.index[name] = i
		w.stages = append(w.stages, progress.Stage{Name: name, Started: true})
	}
	before := w.stages[i]
	return func(s progress.Snapshot) {
		now := &w.stages[i]
		*now = before
		now.Tasks++
		for _, stage := range s.Stages {
			now.Rows += stage.Rows
			now.Bytes += stage.Bytes
		}
		switch s.State {
		case progress.Done:
			now.Done++
		case progress.Failed, progress.Canceled:
			now.Failed++
		default:
			now.Running = 1
		}
		w.tell(progress.Running)
	}
}

// end shows how the driver ended.
func (w *driverWatch) end(err error) {
	if w.show == nil {
		return
	}
	for i := range w.stages {
		w.stages[i].Known, w.stages[i].Ended = true, true
	}
	switch {
	case err == nil:
		w.tell(progress.Done)
	case fault.KindOf(err) == fault.Canceled:
		w.tell(progress.Canceled)
	default:
		w.tell(progress.Failed)
	}
}

func (w *driverWatch) tell(state string) {
	w.show(progress.Snapshot{
		Name: w.name, State: state, Elapsed: time.Since(w.began), Stages: append([]progress.Stage(nil), w.stages...),
	})
}
