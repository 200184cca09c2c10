package memory

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// limitFiles lists the files that may hold a memory limit of this process: one
// at each level from its own group up to the top of the mount.
func limitFiles(root fs.FS) []string {
	var files []string
	for _, g := range ControlGroups(readText(root, "proc/self/mountinfo"), readText(root, "proc/self/cgroup")) {
		file := "memory.limit_in_bytes"
		if g.V2 {
			file = "memory.max"
		} else if !slices.Contains(g.Controllers, "memory") {
			continue
		}
		for dir := g.Path; ; dir = path.Dir(dir) {
			files = append(files, path.Join(strings.TrimPrefix(g.Mount, "/"), dir, file))
			if dir == "/" {
				break
			}
		}
	}
	return files
}
