package storage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	// claimWait bounds how long a call waits for another one that publishes the
	// same job: that takes a few renames and fsyncs unless its process is stopped.
	claimWait = 30 * time.Second
	// claimEvery is how often it looks.
	claimEvery = 10 * time.Millisecond
)

// removeStale removes the stages of dest whose lock is free, except keep.
func removeStale(d *disk, dest, keep string) error {
	parent, prefix := filepath.Dir(dest), stageName(filepath.Base(dest))
	entries, err := os.ReadDir(parent)
	if err != nil {
		return outputError("look for stages in", parent, 0, err)
	}
	var id plan.JobID
	done := make(map[string]bool)
	for _, entry := range entries {
		name := strings.TrimSuffix(strings.TrimSuffix(entry.Name(), lockSuffix), trashSuffix)
		job, ok := strings.CutPrefix(name, prefix)
		if !ok || id.UnmarshalText([]byte(job)) != nil || done[job] {
			continue
		}
		done[job] = true
		if dir := filepath.Join(parent, name); dir != keep {
			if err := removeIfStale(d, dest, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeIfStale removes a stage unless the process that made it lives, or one
// publishes it: a publication may outlive the process that made the stage.
func removeIfStale(d *disk, dest, dir string) error {
	lock, err := takeLock(d, dir+lockSuffix)
	if errors.Is(err, filelock.ErrHeld) {
		return nil
	}
	if err != nil {
		return outputError("lock stale stage", dir, 0, err)
	}
	publishing, err := removeUnpublished(d, dest, dir)
	return errors.Join(err, unlock(d, lock, err == nil && !publishing))
}

func removeUnpublished(d *disk, dest, dir string) (publishing bool, err error) {
	claim, err := takeLock(d, filepath.Join(dir, publishLock))
	switch {
	case errors.Is(err, filelock.ErrHeld):
		return true, nil
	case err == nil:
		defer d.close(claim) // nothing was written to it
	case !absent(err):
		return false, outputError("lock stale stage", dir, 0, err)
	}
	if err := restoreOld(d, dest, dir); err != nil {
		return false, err
	}
	return false, removeStage(d, dir)
}

// restoreOld puts the old output back when its job ended between the two
// renames by which it was to be replaced without renameat2.
func restoreOld(d *disk, dest, dir string) error {
	old := filepath.Join(dir, oldDir)
	if !exists(old) || exists(dest) {
		return nil
	}
	if err := d.rename(old, dest); err != nil {
		return outputError("restore output", dest, 0, err)
	}
	return outputError("restore output", dest, 0, d.syncDir(filepath.Dir(dest)))
}

// removeStage deletes a stage. It is renamed first, so that nobody can publish
// what is left of it half way; the caller holds the claim to publish.
func removeStage(d *disk, dir string) error {
	trash := dir + trashSuffix
	for {
		if err := d.removeAll(trash); err != nil {
			return outputError("remove staging directory", trash, 0, err)
		}
		if !exists(dir) {
			return nil
		}
		if err := d.rename(dir, trash); err != nil && !absent(err) {
			return outputError("remove staging directory", dir, 0, err)
		}
		if err := failpoint.Hit(failpoint.StageTrashed); err != nil {
			return err
		}
	}
}

// claim takes the sole right to publish or discard the job. It returns nil
// without it as soon as done reports true, and fs.ErrNotExist when the staging
// directory is gone.
func (s *Stage) claim(done func() bool) (*os.File, error) {
	path := filepath.Join(s.dir, publishLock)
	for deadline := time.Now().Add(s.patience); ; {
		claim, err := takeLock(s.disk, path)
		if err == nil || done() {
			return claim, nil
		}
		if !errors.Is(err, filelock.ErrHeld) {
			return nil, outputError("lock", path, 0, err)
		}
		if time.Now().After(deadline) {
			return nil, fault.New(fault.Transient, "another process has been publishing output %q for %v: try again", s.name, s.patience)
		}
		<-time.After(claimEvery)
	}
}

func takeLock(d *disk, path string) (*os.File, error) {
	if err := d.allow("lock", path); err != nil {
		return nil, err
	}
	return lockFile(path)
}

func takeSharedLock(d *disk, path string) (*os.File, error) {
	if err := d.allow("lock", path); err != nil {
		return nil, err
	}
	return shareLock(path)
}

// unlock releases a lock; its file is removed first, while nobody else can hold it.
func unlock(d *disk, lock *os.File, remove bool) error {
	var err error
	if remove {
		if err = d.remove(lock.Name()); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	return outputError("unlock", lock.Name(), 0, errors.Join(err, d.close(lock)))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
