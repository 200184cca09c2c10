package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	stagePrefix = ".sheaf-stage-"
	lockSuffix  = ".lock"

	trashSuffix = ".trash" // of a stage that is being deleted

	filesDir    = "files"
	finalDir    = "final"
	oldDir      = "old"
	publishLock = "publish.lock"

	// maxBase keeps the stage's name within the 255 bytes of a file name.
	maxBase = 150
)

// Stage is the staging directory of one job for one destination. CreateStage
// makes it for the process that runs the job, JoinStage for one of several that
// run it together, OpenStage for the job's attempts, in the same process or
// another. Its methods are safe for concurrent use.
type Stage struct {
	disk *disk
	name string // destination as the user wrote it
	dest string // destination, absolute
	dir  string // the staging directory
	// broken is why OpenStage could not tell where dest leads; every method returns it.
	broken error
	// patience is how long a call waits for another that publishes the job.
	patience time.Duration

	mu        sync.Mutex // guards the fields below
	lock      *os.File   // held from CreateStage or JoinStage to Close; nil for OpenStage
	shared    bool       // by JoinStage
	published bool
}

// CreateStage makes the staging directory of a job and holds its lock until
// Close. A directory of the same job, left by a process that died, is taken
// over with what attempts have staged. Those of other jobs with the same
// destination whose process is gone are removed first. It makes the directories
// above the destination. An error is fault.Invalid when the place cannot be
// written or another process runs the same job, fault.Resource when the disk is full.
func CreateStage(dest string, job plan.JobID) (*Stage, error) {
	return createStage(&disk{}, dest, job)
}

func createStage(d *disk, dest string, job plan.JobID) (*Stage, error) {
	return lockStage(d, dest, job, false)
}

// JoinStage is CreateStage for a job that several processes run: they hold the
// lock together, and the stage counts as alive until the last of them has closed
// it or died.
func JoinStage(dest string, job plan.JobID) (*Stage, error) {
	return lockStage(&disk{}, dest, job, true)
}

func lockStage(d *disk, dest string, job plan.JobID, shared bool) (*Stage, error) {
	path, err := resolve(dest)
	if err != nil {
		return nil, err
	}
	s := &Stage{disk: d, name: dest, dest: path, dir: stageDir(path, job), patience: claimWait, shared: shared}
	if err := d.mkdirAll(filepath.Dir(path)); err != nil {
		return nil, outputError("make directory", filepath.Dir(path), 0, err)
	}
	if err := removeStale(d, path, s.dir); err != nil {
		return nil, err
	}
	take := takeLock
	if shared {
		take = takeSharedLock
	}
	s.lock, err = take(d, s.dir+lockSuffix)
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fault.New(fault.Invalid, "another process runs job %s for output %q: wait for it or end it", job.Short(), dest)
	}
	if err != nil {
		return nil, outputError("lock", s.dir+lockSuffix, 0, err)
	}
	if err = failpoint.Hit(failpoint.StageLocked); err == nil {
		err = s.makeDirs()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenStage returns the staging directory that CreateStage made, for an attempt
// of the job. It takes no lock and needs no Close.
func OpenStage(dest string, job plan.JobID) *Stage {
	path, err := resolve(dest)
	return &Stage{disk: &disk{}, name: dest, dest: path, dir: stageDir(path, job), broken: err, patience: claimWait}
}

// stageDir names the staging directory. A base that is too long for a file name
// is replaced by its beginning and its hash.
func stageDir(dest string, job plan.JobID) string {
	return filepath.Join(filepath.Dir(dest), stageName(filepath.Base(dest))+job.String())
}

func stageName(base string) string {
	if len(base) > maxBase {
		base = fmt.Sprintf("%s~%x", base[:maxBase-40], xxh3.HashString128(base).Bytes())
	}
	return stagePrefix + base + "-"
}

func (s *Stage) makeDirs() error {
	for _, dir := range []string{s.dir, filepath.Join(s.dir, filesDir)} {
		if err := s.disk.mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return outputError("make staging directory", dir, 0, err)
		}
	}
	if err := failpoint.Hit(failpoint.StageMade); err != nil {
		return err
	}
	for _, dir := range []string{s.dir, filepath.Dir(s.dir)} {
		if err := s.disk.syncDir(dir); err != nil {
			return outputError("make staging directory", dir, 0, err)
		}
	}
	return nil
}

// Discard deletes everything that the job has staged. It is no error when there
// is nothing. The destination is not touched. While the job publishes it waits,
// and fails with fault.Transient when that takes long.
func (s *Stage) Discard() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	lock, err := s.claim(func() bool { return false })
	if err != nil && !absent(err) {
		return err
	}
	if lock != nil {
		defer s.disk.close(lock) // nothing was written to it
	}
	if err := restoreOld(s.disk, s.dest, s.dir); err != nil {
		return err
	}
	if err := removeStage(s.disk, s.dir); err != nil {
		return err
	}
	return s.forgetLock()
}

// forgetLock removes the name of the lock of a stage that is gone: it protects
// nothing any more, and the last of the processes that share it may be killed
// before it closes.
func (s *Stage) forgetLock() error {
	if err := s.disk.remove(s.dir + lockSuffix); err != nil && !absent(err) {
		return outputError("remove lock", s.dir+lockSuffix, 0, err)
	}
	return nil
}

// Close releases the lock. What is staged and not published stays for a process
// that takes the job over, until the next job with this destination removes it;
// after Publish it removes what Publish could not. Close may be called more
// than once. Of a Stage from OpenStage it does nothing.
func (s *Stage) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return nil
	}
	var err error
	if s.published {
		err = removeStage(s.disk, s.dir)
	}
	lock := s.lock
	s.lock = nil
	empty := !exists(s.dir) && !exists(s.dir+trashSuffix)
	if s.shared {
		// The last of them removes the lock's name, which nobody else may hold then.
		empty = empty && filelock.Try(lock) == nil
	}
	return errors.Join(err, unlock(s.disk, lock, empty))
}
