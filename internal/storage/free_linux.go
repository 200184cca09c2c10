package storage

import "golang.org/x/sys/unix"

// FreeBytes returns what an ordinary user may still write below dir, if the system
// tells.
func FreeBytes(dir string) (int64, bool) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, false
	}
	return int64(stat.Bavail) * stat.Bsize, true
}
