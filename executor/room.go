package executor

import (
	"errors"

	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

const (
	// reserveShare is the part of a disk (one in so many) that is its low-water
	// mark, and maxReserve the most that is: attempts under way write some more.
	reserveShare = 20
	maxReserve   = 2 << 30
	// reserveSlack is the part of its mark (one in so many) that a disk must have
	// beyond it to count again: else attempts would come and go with each file.
	reserveSlack = 4
)

// room watches how much room is left on the executor's disks. It belongs to
// whoever opens the executor, then to the goroutine of its session.
type room struct {
	dirs    []string
	reserve int64 // of each disk; 0 for a part of it, below 0 for none
	space   func(dir string) (freeBytes, totalBytes int64, ok bool)

	low bool // no disk has room
	// tidy says that nothing is left to delete of jobs that ended; tidying that
	// somebody is at it.
	tidy, tidying bool
}

func newRoom(dirs []string, reserve int64) *room {
	return &room{dirs: dirs, reserve: reserve, space: storage.Space}
}

// openRoom looks how much room there is before the first attempt comes.
func (e *Executor) openRoom() {
	e.room = newRoom(e.cfg.Dirs, e.cfg.DiskReserveBytes)
	if _, below := e.room.measure(); !below {
		return
	}
	if err := e.reclaim(nil); err != nil {
		e.log.Warn("low on disk space, and not all could be deleted that nobody needs", "err", err)
	}
	e.room.tidy = true
	var freeBytes int64
	if freeBytes, e.room.low = e.room.measure(); e.room.low {
		e.sayLow(freeBytes)
	}
}

func (e *Executor) sayLow(freeBytes int64) {
	e.log.Warn("low on disk space: no attempts are taken until there is more (--disk-reserve)",
		"executor", e.name, "bytes", freeBytes, "free", memory.FormatSize(freeBytes))
}

// measure returns what is free on all disks together, and whether each of them is
// below its mark. A disk that does not say has room.
func (r *room) measure() (freeBytes int64, below bool) {
	below = r.reserve >= 0
	for _, dir := range r.dirs {
		free, total, ok := r.space(dir)
		freeBytes += free
		mark := r.reserve
		if mark == 0 {
			mark = min(total/reserveShare, maxReserve)
		}
		if r.low {
			mark += mark / reserveSlack
		}
		if !ok || free >= mark {
			below = false
		}
	}
	return freeBytes, below
}

// watchRoom looks how much room there is, and returns it. Before an executor is low
// it deletes what nobody needs.
func (s *session) watchRoom() (freeBytes int64) {
	r := s.e.room
	freeBytes, below := r.measure()
	switch {
	case !below:
		if r.low {
			s.log.Info("there is room on the disks again", "executor", s.e.name, "bytes", freeBytes)
		}
		r.low, r.tidy = false, false
	case r.tidying:
	case !r.tidy:
		r.tidying = true
		lives := s.live()
		s.sweep(func() error {
			err := s.e.reclaim(lives)
			s.give(func() { r.tidy, r.tidying = true, false })
			return err
		})
	case !r.low:
		r.low = true
		s.e.sayLow(freeBytes)
	}
	return freeBytes
}

// live returns the jobs that this executor works for, with their programs.
func (s *session) live() map[plan.JobID]string {
	lives := make(map[plan.JobID]string, len(s.jobs))
	for id, j := range s.jobs {
		lives[id] = j.spec.ArtifactSHA256
	}
	return lives
}

// fewLogs ended jobs keep their logs when the disks are full: the latest are those
// that somebody wants to read.
const fewLogs = 10

// reclaim deletes what is left of jobs that have ended: their map outputs, their
// programs, and their logs but for the latest.
func (e *Executor) reclaim(lives map[plan.JobID]string) error {
	errs := []error{e.dropOutputs(func(id plan.JobID) bool { _, ok := lives[id]; return ok })}
	needed := make(map[string]bool, len(lives))
	for _, name := range lives {
		needed[name] = true
	}
	errs = append(errs, e.programs.Prune(func(name string) bool { return needed[name] }))
	errs = append(errs, e.pruneLogs(min(e.cfg.Limits.LogJobs, fewLogs), func(id plan.JobID) bool { _, ok := lives[id]; return ok }))
	return errors.Join(errs...)
}

// dropOutputs deletes the map outputs of all jobs but those to keep.
func (e *Executor) dropOutputs(keep func(plan.JobID) bool) error {
	var errs []error
	dropped := map[plan.JobID]bool{}
	for _, out := range e.store.Outputs() {
		if job := out.ID.Attempt.Job; !dropped[job] && !keep(job) {
			dropped[job] = true
			errs = append(errs, e.store.DropJob(job))
		}
	}
	return errors.Join(errs...)
}
