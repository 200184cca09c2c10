//go:build !linux

package storage

// Space returns what an ordinary user may still write below dir, and the size of
// the file system it lies on, if the system tells.
func Space(string) (freeBytes, totalBytes int64, ok bool) { return 0, 0, false }
