// Package storage is what Sheaf knows about files: it finds the inputs that a
// user names, opens them pinned to the version that was listed, and makes the
// output of a job visible in one step. It works on local and shared file
// systems through plain paths. It owns no goroutine.
//
// # Output
//
// A job writes beside its destination, in a staging directory
//
//	<parent>/.sheaf-stage-<base>-<job>/
//	    files/    what attempts staged, under names that contain the attempt
//	    final/    the output as it will be, assembled by Publish
//	    old/      what an overwritten destination held, until it is deleted
//	    publish.lock
//	<parent>/.sheaf-stage-<base>-<job>.lock
//
// whose lock tells the next job that writes to the same destination whether the
// owner still lives; it deletes what the dead have left, by way of a directory
// with the suffix .trash. Publish moves final to the destination by a single rename,
// so that readers see nothing, the old output or the new output, and never a part.
package storage

import (
	"io/fs"

	"github.com/sheafdata/sheaf/internal/plan"
)

// File is one input file and the version of it that was seen.
type File struct {
	Path     string // as the user wrote it, completed by what a directory or a pattern stood for
	Size     int64  // bytes
	ModNanos int64  // time of the last change in nanoseconds since 1970
	Inode    uint64 // 0 where the system has none
}

// Split returns the whole file as one split with its pins set.
func (f File) Split() plan.Split {
	return plan.Split{Path: f.Path, Length: f.Size, Size: f.Size, ModNanos: f.ModNanos, Inode: f.Inode}
}

// fileOf describes path by what a stat call returned for it.
func fileOf(path string, info fs.FileInfo) File {
	return File{Path: path, Size: info.Size(), ModNanos: info.ModTime().UnixNano(), Inode: inodeOf(info)}
}
