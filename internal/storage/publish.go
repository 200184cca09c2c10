package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
)

// SuccessName is the file that completes an output: it lists what belongs to it.
const SuccessName = "_SUCCESS.json"

// PublishFile is one file of an output: the name that Create made it under, its
// name in the destination and its size in bytes. Both names are relative paths.
type PublishFile struct {
	Staged, Final string
	Bytes         int64
}

// Publish makes files the whole content of the destination, in one step for
// whoever reads it, together with SuccessName, which holds success. With
// overwrite a directory that is there is replaced and deleted.
//
// It may be called again after a failure, a crash or a success, by this or
// another process, even by two at once: it goes on where the last call stopped,
// and reports success when the destination holds this success already. So
// success must tell jobs apart: it names the files and their hashes.
//
// It fails with fault.Invalid when the destination exists without overwrite, or
// came into being meanwhile; it is left alone then. It fails with
// fault.Resource when the disk is full, and with fault.Transient when another
// call has been publishing the same job for half a minute. After success the staging directory is
// removed; leftovers that could not be are reported by Close.
//
// Where the file system lacks renameat2 (network file systems, other systems
// than Linux) a plain rename publishes: an empty directory that appears at the
// destination in the last moment is replaced, and with overwrite there is a
// moment without any output between two renames. Never is a part visible.
func (s *Stage) Publish(files []PublishFile, success []byte, overwrite bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.broken, checkFiles(files)); err != nil {
		return err
	}
	done := func() bool { return s.holds(success) && !s.anyStaged(files) }
	// Alone, because a second exchange would bring the old output back.
	claim, err := s.claim(done)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Invalid, "what was staged for output %q is gone: run the job again: %w", s.name, err)
	}
	if err != nil {
		return err
	}
	if claim != nil {
		defer s.disk.close(claim) // nothing was written to it
	}
	if err := failpoint.Hit(failpoint.PublishClaimed); err != nil {
		return err
	}
	if done() {
		return s.finish()
	}
	if err := s.publish(files, success, overwrite); err != nil {
		return err
	}
	return s.finish()
}

// checkFiles refuses names that are wrong or used twice.
func checkFiles(files []PublishFile) error {
	staged, final := make(map[string]bool), map[string]bool{SuccessName: true}
	for _, f := range files {
		if err := errors.Join(checkName("staged file", f.Staged), checkName("output file", f.Final)); err != nil {
			return err
		}
		if staged[f.Staged] || final[f.Final] {
			return fault.New(fault.Invalid, "output file %q from %q is listed twice", f.Final, f.Staged)
		}
		staged[f.Staged], final[f.Final] = true, true
	}
	return nil
}

// holds reports whether the destination is complete with this success.
func (s *Stage) holds(success []byte) bool {
	found, err := os.ReadFile(filepath.Join(s.dest, SuccessName))
	return err == nil && bytes.Equal(found, success)
}

// anyStaged reports whether a file was never assembled, which means that the
// destination, whatever it holds, is not this job's.
func (s *Stage) anyStaged(files []PublishFile) bool {
	for _, f := range files {
		if exists(s.stagedPath(f.Staged)) {
			return true
		}
	}
	return false
}

func (s *Stage) publish(files []PublishFile, success []byte, overwrite bool) error {
	if err := s.checkTarget(overwrite); err != nil {
		return err
	}
	if err := s.assemble(files, success); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.PublishSwap); err != nil {
		return err
	}
	return s.swap(overwrite)
}

func (s *Stage) checkTarget(overwrite bool) error {
	info, err := os.Lstat(s.dest)
	if err == nil {
		return checkExisting(s.name, s.dest, info, overwrite)
	}
	if absent(err) {
		return nil
	}
	return outputError("look at output", s.name, 0, err)
}

// assemble puts the output together in the final directory and makes it durable.
func (s *Stage) assemble(files []PublishFile, success []byte) error {
	final := filepath.Join(s.dir, finalDir)
	// After an exchange final is the old output, which must not pass for ours.
	if found, err := os.ReadFile(filepath.Join(final, SuccessName)); err == nil && !bytes.Equal(found, success) {
		return fault.New(fault.Invalid, "output %q was replaced by another job after this one had published it", s.name)
	}
	// Not with its parents: a stage that was removed is not made again.
	if err := s.disk.mkdir(final); err != nil && !exists(final) {
		return outputError("make directory", final, 0, err)
	}
	// Before files move into it: a move may survive a loss of power that its
	// target does not.
	if err := s.disk.syncDir(s.dir); err != nil {
		return outputError("sync directory", s.dir, 0, err)
	}
	if err := failpoint.Hit(failpoint.PublishBegun); err != nil {
		return err
	}
	dirs := map[string]bool{".": true}
	for _, f := range files {
		if err := s.place(f, dirs); err != nil {
			return err
		}
		if err := failpoint.Hit(failpoint.PublishPlaced); err != nil {
			return err
		}
	}
	if err := s.placeSuccess(success); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.PublishListed); err != nil {
		return err
	}
	for dir := range dirs {
		if err := s.disk.syncDir(filepath.Join(final, dir)); err != nil {
			return outputError("sync directory", filepath.Join(final, dir), 0, err)
		}
	}
	return nil
}

// place moves one file to the final directory unless it is there already.
func (s *Stage) place(f PublishFile, dirs map[string]bool) error {
	final := filepath.Join(s.dir, finalDir)
	for dir := filepath.Dir(f.Final); dir != "."; dir = filepath.Dir(dir) {
		dirs[dir] = true
	}
	to := filepath.Join(final, f.Final)
	if info, err := os.Lstat(to); err == nil && info.Size() == f.Bytes {
		return nil
	}
	if dir := filepath.Dir(f.Final); dir != "." {
		if err := s.makeSubdirs(final, dir); err != nil {
			return err
		}
	}
	from := s.stagedPath(f.Staged)
	info, err := os.Lstat(from)
	if err == nil && info.Size() != f.Bytes {
		return fault.New(fault.Invalid, "staged file %q has %d bytes and %d were committed: something else changed it: run the job again", from, info.Size(), f.Bytes)
	}
	if err == nil {
		err = s.disk.rename(from, to)
	}
	if absent(err) {
		return fault.New(fault.Invalid, "staged file %q (%s) is gone: something else removed it: run the job again", from, memory.FormatSize(f.Bytes))
	}
	return outputError("move staged file", from, 0, err)
}

// placeSuccess completes the final directory.
func (s *Stage) placeSuccess(success []byte) error {
	temporary, to := filepath.Join(s.dir, "success"), filepath.Join(s.dir, finalDir, SuccessName)
	// A call that ended early may have left a part of it.
	if err := s.disk.remove(temporary); err != nil && !absent(err) {
		return outputError("write", temporary, 0, err)
	}
	if err := s.disk.writeFile(temporary, success); err != nil {
		return outputError("write", temporary, int64(len(success)), err)
	}
	if err := failpoint.Hit(failpoint.PublishSuccess); err != nil {
		return err
	}
	return outputError("write", to, 0, s.disk.rename(temporary, to))
}

// swap makes the final directory the destination.
func (s *Stage) swap(overwrite bool) error {
	final := filepath.Join(s.dir, finalDir)
	err := s.disk.renameNew(final, s.dest)
	if errors.Is(err, errUnsupported) {
		return s.swapPlain(overwrite)
	}
	if errors.Is(err, fs.ErrExist) && overwrite {
		err = s.disk.exchange(final, s.dest)
		if errors.Is(err, errUnsupported) {
			return s.swapPlain(overwrite)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return existsError(s.name)
	}
	return outputError("publish output", s.name, 0, err)
}

// swapPlain does without renameat2. A plain rename refuses to replace a
// directory that holds anything, so two jobs still cannot both win.
func (s *Stage) swapPlain(overwrite bool) error {
	final, old := filepath.Join(s.dir, finalDir), filepath.Join(s.dir, oldDir)
	if !overwrite && exists(s.dest) {
		return existsError(s.name)
	}
	if overwrite && exists(s.dest) {
		if err := s.disk.rename(s.dest, old); err != nil {
			return outputError("set old output aside", s.name, 0, err)
		}
	}
	err := s.disk.rename(final, s.dest)
	if errors.Is(err, fs.ErrExist) { // also what ENOTEMPTY is
		return existsError(s.name)
	}
	return outputError("publish output", s.name, 0, err)
}

// finish makes the publication durable and clears up. The caller holds mu.
func (s *Stage) finish() error {
	parent := filepath.Dir(s.dest)
	if err := failpoint.Hit(failpoint.PublishSwapped); err != nil {
		return err
	}
	if err := s.disk.syncDir(parent); err != nil {
		return fmt.Errorf("output is visible but may not survive a power failure: %w", outputError("sync directory", parent, 0, err))
	}
	s.published = true
	if err := failpoint.Hit(failpoint.PublishDurable); err != nil {
		return err
	}
	// What stays is in nobody's way and Close tries again, so the output counts.
	if removeStage(s.disk, s.dir) == nil {
		_ = s.forgetLock()
	}
	return nil
}
