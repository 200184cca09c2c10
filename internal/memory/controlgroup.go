package memory

import (
	"path"
	"slices"
	"strings"
)

// ControlGroup is a control group that a process is in, as a mounted hierarchy
// shows it.
type ControlGroup struct {
	Mount       string   // where the hierarchy is mounted
	Path        string   // of the group below the mount, with a leading slash
	Controllers []string // of the hierarchy; none for version 2
	V2          bool
}

// Dir returns the group's directory.
func (g ControlGroup) Dir() string { return path.Join(g.Mount, g.Path) }

// ControlGroups finds the groups of a process in its mountinfo and its list of
// groups, both below /proc/self. What it cannot read it leaves out.
func ControlGroups(mountinfo, groups string) []ControlGroup {
	var found []ControlGroup
	for line := range strings.Lines(mountinfo) {
		if g, root, ok := parseMount(line); ok && g.find(root, groups) {
			found = append(found, g)
		}
	}
	return found
}

// parseMount reads a line of mountinfo: "id parent dev root mountpoint options
// optional... - type source superoptions" (man 5 proc). root is the group that
// the mount shows as its top.
func parseMount(line string) (g ControlGroup, root string, ok bool) {
	before, after, ok := strings.Cut(line, " - ")
	left, right := strings.Fields(before), strings.Fields(after)
	if !ok || len(left) < 5 || len(right) < 3 {
		return g, "", false
	}
	g.Mount = unescape(left[4])
	switch right[0] {
	case "cgroup2":
		g.V2 = true
	case "cgroup":
		g.Controllers = strings.Split(right[2], ",")
	default:
		return g, "", false
	}
	return g, unescape(left[3]), true
}

// find sets the path of the group that the process is in, from lines of
// "id:controllers:path" (man 7 cgroups).
func (g *ControlGroup) find(root, groups string) bool {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) == 3 && g.is(parts[1]) {
			g.Path = below(root, parts[2])
			return true
		}
	}
	return false
}

// is reports whether a line with these controllers speaks of the hierarchy.
func (g *ControlGroup) is(controllers string) bool {
	if g.V2 {
		return controllers == ""
	}
	for c := range strings.SplitSeq(controllers, ",") {
		if c != "" && slices.Contains(g.Controllers, c) {
			return true
		}
	}
	return false
}

// below returns a group's path under the mount, "/" when the mount does not
// show it: a container without its own cgroup namespace sees the host's name of
// its group while the mount shows the group as its top.
func below(root, group string) string {
	if root == "/" {
		return path.Clean("/" + group)
	}
	rest, ok := strings.CutPrefix(group, root)
	if !ok || rest != "" && rest[0] != '/' {
		return "/"
	}
	return path.Clean("/" + rest)
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
