package storage

import "io/fs"

// MkdirAll is os.MkdirAll for what must survive a loss of power: the names of the
// directories that it makes are durable when it returns.
func MkdirAll(path string, mode fs.FileMode) error {
	return makeAll(path, mode, SyncDir)
}

// SyncDir makes the names in a directory durable, as they are: what was created,
// renamed or removed there may be undone by a loss of power until then.
func SyncDir(path string) error { return new(disk).syncDir(path) }
