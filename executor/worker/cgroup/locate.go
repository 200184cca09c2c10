package cgroup

import (
	"path"
	"slices"
	"strings"
)

// mount is a mounted hierarchy: where, which group it shows as its top, and
// which controllers it has; none for version 2.
type mount struct {
	at          string
	root        string
	controllers []string
	v2          bool
}

// locate finds the groups of a process from its /proc/self/mountinfo and
// /proc/self/cgroup. Version 2 counts only where version 1 has no controllers:
// a mounted, empty hierarchy of version 2 beside it bounds nothing.
func locate(mounts, groups string) *Parent {
	p := new(Parent)
	for _, m := range parseMounts(mounts) {
		dir, ok := m.dir(groups)
		switch {
		case !ok:
		case m.v2:
			p.v2 = dir
		case slices.Contains(m.controllers, "memory"):
			p.memory = dir
			if slices.Contains(m.controllers, "pids") {
				p.pids = "" // one directory serves both
			}
		case slices.Contains(m.controllers, "pids"):
			p.pids = dir
		}
	}
	if p.memory != "" || p.pids != "" {
		p.v2 = ""
	}
	return p
}

// parseMounts reads the lines of mountinfo, whose fields are an id, a parent, a
// device, the root, the mount point, options, optional fields, a dash, the type,
// the source and the file system's options.
func parseMounts(text string) []mount {
	var mounts []mount
	for line := range strings.Lines(text) {
		left, right, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(left), strings.Fields(right)
		if !ok || len(fields) < 5 || len(kind) < 3 {
			continue
		}
		m := mount{at: unescape(fields[4]), root: unescape(fields[3])}
		switch kind[0] {
		case "cgroup2":
			m.v2 = true
		case "cgroup":
			m.controllers = strings.Split(kind[2], ",")
		default:
			continue
		}
		mounts = append(mounts, m)
	}
	return mounts
}

// dir returns the directory of the group that the process is in.
func (m mount) dir(groups string) (string, bool) {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 || !m.is(parts[1]) {
			continue
		}
		below := parts[2]
		if m.root != "/" {
			// A container sees the host's name of its group and a mount that has
			// the group as its top.
			rest, ok := strings.CutPrefix(below, m.root)
			if !ok || rest != "" && rest[0] != '/' {
				rest = ""
			}
			below = rest
		}
		return path.Join(m.at, path.Clean("/"+below)), true
	}
	return "", false
}

// is reports whether a line of /proc/self/cgroup with these controllers speaks
// of the mount.
func (m mount) is(controllers string) bool {
	if m.v2 {
		return controllers == ""
	}
	for c := range strings.SplitSeq(controllers, ",") {
		if c != "" && slices.Contains(m.controllers, c) {
			return true
		}
	}
	return false
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
