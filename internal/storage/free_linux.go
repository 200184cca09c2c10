package storage

import "golang.org/x/sys/unix"

// Space returns what an ordinary user may still write below dir, and the size of
// the file system it lies on, if the system tells.
func Space(dir string) (freeBytes, totalBytes int64, ok bool) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, 0, false
	}
	return int64(stat.Bavail) * stat.Bsize, int64(stat.Blocks) * stat.Bsize, true
}
