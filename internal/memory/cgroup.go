package memory

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// hierarchy is a mounted tree of control groups that can limit memory.
type hierarchy struct {
	mount string // where it is mounted, without the leading slash
	root  string // which group the mount shows as its top
	file  string // the name of the limit in each group
	v2    bool
}

// limitFiles lists the files that may hold a memory limit of this process: one
// at each level from its own group up to the top of the mount.
func limitFiles(root fs.FS) []string {
	var files []string
	groups := readText(root, "proc/self/cgroup")
	for _, h := range hierarchies(readText(root, "proc/self/mountinfo")) {
		group, ok := groupIn(groups, h.v2)
		if !ok {
			continue
		}
		for dir := h.below(group); ; dir = path.Dir(dir) {
			files = append(files, path.Join(h.mount, dir, h.file))
			if dir == "/" {
				break
			}
		}
	}
	return files
}

// below returns the group's path under the mount, "/" when the mount does not
// show it: a container without its own cgroup namespace sees the host's name of
// its group while the mount shows the group as its top.
func (h hierarchy) below(group string) string {
	if h.root == "/" {
		return path.Clean("/" + group)
	}
	rest, ok := strings.CutPrefix(group, h.root)
	if !ok || rest != "" && rest[0] != '/' {
		return "/"
	}
	return path.Clean("/" + rest)
}

// groupIn finds the process's group in /proc/self/cgroup, whose lines are
// "id:controllers:path"; v2 has id 0 and no controllers (man 7 cgroups).
func groupIn(groups string, v2 bool) (string, bool) {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if v2 && parts[0] == "0" && parts[1] == "" {
			return parts[2], true
		}
		if !v2 && slices.Contains(strings.Split(parts[1], ","), "memory") {
			return parts[2], true
		}
	}
	return "", false
}

// hierarchies reads /proc/self/mountinfo, whose lines are "id parent dev root
// mountpoint options optional... - type source superoptions" (man 5 proc).
func hierarchies(mountinfo string) []hierarchy {
	var found []hierarchy
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 3 {
			continue
		}
		h := hierarchy{root: unescape(left[3]), mount: strings.TrimPrefix(unescape(left[4]), "/")}
		switch {
		case right[0] == "cgroup2":
			h.file, h.v2 = "memory.max", true
		case right[0] == "cgroup" && slices.Contains(strings.Split(right[2], ","), "memory"):
			h.file = "memory.limit_in_bytes"
		default:
			continue
		}
		found = append(found, h)
	}
	return found
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
