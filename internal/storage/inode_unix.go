//go:build unix

package storage

import (
	"io/fs"
	"syscall"
)

// inodeOf returns the number that tells a replaced file from the same file.
func inodeOf(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Ino)
	}
	return 0
}

// deviceOf returns the file system that holds a file.
func deviceOf(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Dev)
	}
	return 0
}
